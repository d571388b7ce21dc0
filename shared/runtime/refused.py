"""What an operator's command says when it had better not begin."""

from __future__ import annotations

__all__ = ["RefusedError"]


class RefusedError(Exception):
    """A command that would lose or double something does not begin, or does not go on; it may be run again.

    `problem` and `remedy` are sentences for the operator: why, and what to do first. Where `FatalError` says
    that servers or data are not as they have to be, this says that it is not the moment for the command.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem} {remedy}")
        self.problem = problem
        self.remedy = remedy
