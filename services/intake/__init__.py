"""Intake: one case per customer's episode, the debts' ledgers, payments, a named owner, a timetable."""
