"""The engine under a seeded scheduler that may crash, pause, revoke, duplicate and fail at every await.

`python -m shared.runtime.simulation --seed N --runs K` runs schedules and checks each against a sequential
oracle. Nothing here is used by the platform itself.
"""
