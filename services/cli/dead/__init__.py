"""`parley dead`: what could not be processed, what waits for it, and what to do about it."""

import typer

from services.cli.dead.commanding import discard, replay
from services.cli.dead.looking import held, list_, show

__all__ = ["app"]

app = typer.Typer(
    help="Dead letters: what could not be processed, what waits for it, replay and discard.",
    no_args_is_help=True,
)
app.command("list")(list_)
app.command()(show)
app.command()(held)
app.command()(replay)
app.command()(discard)
