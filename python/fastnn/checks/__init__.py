"""``fastnn.check(model, data)``: the mistakes that cost learners an evening."""
