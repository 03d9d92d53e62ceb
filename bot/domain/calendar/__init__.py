"""The release calendar's own arithmetic: days, weeks, months, holidays, and the hours of a day in bands."""
