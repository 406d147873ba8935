"""Each time with its zone: an operator's clock, a subscriber's and the server's differ."""

DATE_FORMAT = "j M Y"
DATETIME_FORMAT = "j M Y, H:i e"
MONTH_DAY_FORMAT = "j F"
