"""Money, calendars, schedules, allocation and the search over plans: pure functions."""
