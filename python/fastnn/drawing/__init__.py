"""The page of ``fastnn draw``: a sheet to draw on, and what a network makes of it while one draws."""
