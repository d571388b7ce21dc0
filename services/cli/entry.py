"""What the `parley` script calls: the command line, ended by Ctrl-C with one line at any moment.

Nothing heavy is imported above: until the modules are there, a Ctrl-C would print where they were.
"""

from __future__ import annotations

import sys

__all__ = ["STOPPED", "main"]

STOPPED = "Stopped by Ctrl-C."


def main() -> None:
    """Import and run the command line."""
    try:
        from services.cli.main import app

        app()
    except KeyboardInterrupt:
        print(STOPPED, file=sys.stderr)  # noqa: T201 - the console may not have been imported yet
        sys.exit(130)
