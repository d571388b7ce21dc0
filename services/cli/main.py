"""The `parley` command. Heavy imports wait until a command needs them, so that `--help` answers at once."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from services.cli import contact, day, evidence, kafka, keys, migrate, platform, policy, reading, staff
from services.cli.agreement import agreement
from services.cli.assess import assess
from services.cli.calibrate import calibrate
from services.cli.check import check
from services.cli.common import fail
from services.cli.dead import app as dead
from services.cli.demo import demo
from services.cli.entry import STOPPED
from services.cli.health import health
from services.cli.offer import offer
from services.cli.publish import publish
from services.cli.report import report
from services.cli.restore import app as backup
from services.cli.reviewed import reviewed
from services.cli.schemas import schemas
from services.cli.verify import verify


class _Commands(TyperGroup):
    """Ctrl-C ends a command with 130 also while it imports what it needs, before `guarded` runs its work."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise fail(STOPPED, code=130) from None


app = typer.Typer(
    name="parley",
    cls=_Commands,
    help="Renegotiates overdue consumer debt: six services over Kafka and MongoDB, one trace per case.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # locals may hold personal data
    rich_markup_mode="rich",
)

platform.register(app)
reading.register(app)
evidence.register(app)
app.command()(agreement)
app.command()(assess)
app.command()(calibrate)
app.command()(check)
app.command()(demo)
app.command()(health)
app.command()(offer)
app.command()(publish)
app.command()(report)
app.command()(verify)
app.add_typer(backup, name="backup")
app.add_typer(contact.app, name="contact")
app.add_typer(day.app, name="day")
app.add_typer(dead, name="dead")
app.add_typer(kafka.app, name="kafka")
app.add_typer(keys.app, name="keys")
app.add_typer(migrate.app, name="migrate")
app.command()(schemas)
policy.app.command()(reviewed)
app.add_typer(policy.app, name="policy")
app.add_typer(staff.app, name="staff")


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
