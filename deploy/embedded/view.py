"""What `parley up` shows: a live table in a terminal, one plain line for every change elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterable

from rich.console import Console
from rich.live import Live
from rich.table import Table

from deploy.embedded.supervisor import Phase, Supervisor, Unit, describe_exit

_COLOURS = {
    Phase.STARTING: "yellow",
    Phase.RUNNING: "green",
    Phase.RESTARTING: "yellow",
    Phase.FAILED: "red",
    Phase.STOPPED: "dim",
}
_REDRAWS_PER_SECOND = 2


def table(units: Iterable[Unit], *, now: float) -> Table:
    """The status of all units at `now` (monotonic seconds)."""
    shown = Table(title="Parley", title_justify="left", caption="Ctrl-C stops everything", expand=False)
    for heading in ("process", "state", "pid", "for", "restarts", "address / log"):
        shown.add_column(heading, justify="right" if heading in {"pid", "for", "restarts"} else "left")
    for unit in units:
        shown.add_row(
            unit.name,
            f"[{_COLOURS[unit.phase]}]{unit.phase}{_why(unit)}[/]",
            "" if unit.pid is None else str(unit.pid),
            duration(now - unit.since),
            str(unit.restarts or ""),
            unit.address or unit.log.name,
        )
    return shown


def duration(seconds: float) -> str:
    """`59 s`, `12 min`, `3 h 05`."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60:02d}"


def line(unit: Unit) -> str:
    """One change of a unit as a line of text."""
    parts = [f"{unit.name}: {unit.phase}{_why(unit)}"]
    if unit.pid is not None:
        parts.append(f"pid {unit.pid}")
    if unit.phase is Phase.RUNNING and unit.address:
        parts.append(unit.address)
    return ", ".join(parts)


def _why(unit: Unit) -> str:
    """` (was killed by signal 9)` for a process that ended unasked."""
    if unit.phase not in {Phase.RESTARTING, Phase.FAILED} or unit.last_exit is None:
        return ""
    return f" ({describe_exit(unit.last_exit)})"


class StatusView:
    """Shows a supervisor on a console between `__enter__` and `__exit__`."""

    def __init__(self, console: Console | None) -> None:
        self._console = console
        self._supervisor: Supervisor | None = None
        self._live: Live | None = None

    def watch(self, supervisor: Supervisor) -> None:
        """Show this supervisor's units from now on."""
        self._supervisor = supervisor
        if self._console is not None and self._console.is_terminal:
            self._live = Live(
                get_renderable=self._render,
                console=self._console,
                refresh_per_second=_REDRAWS_PER_SECOND,
                transient=True,
            )
            self._live.start()

    def changed(self, unit: Unit) -> None:
        """A listener for the supervisor."""
        if self._console is not None and self._live is None:
            self._console.print(line(unit), markup=False, highlight=False)

    def close(self) -> None:
        """Stop drawing; the last table stays out of the way of what is printed next."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _render(self) -> Table:
        units = [] if self._supervisor is None else list(self._supervisor.units.values())
        return table(units, now=time.monotonic())
