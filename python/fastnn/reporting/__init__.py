"""The page of ``fastnn report``: findings (numbers), curves and pictures (drawings), page (all of it as HTML)."""
