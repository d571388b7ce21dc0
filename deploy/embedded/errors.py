"""The one failure of the launcher: what went wrong, and what to do about it."""

from __future__ import annotations


class StartError(Exception):
    """A start that cannot go on.

    `problem` says in one or two sentences what was found, `remedy` what the user can do about it. Both are
    shown as they are: `parley doctor` gives the same remedies.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem} {remedy}")
        self.problem = problem
        self.remedy = remedy
