"""`parley offer`: try the engine on one case without any server."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from services.cli.catalogue import policies_dir
from services.cli.common import JsonFlag, PoliciesFolder, fail

__all__ = ["offer"]

EXAMPLES = "examples"
JOINT = "offer_case.joint.json"


def offer(
    case: Annotated[
        Path | None, typer.Argument(metavar="CASE.json", help="Debts, and a statement or what can be paid.")
    ] = None,
    policy: Annotated[
        str | None, typer.Option("--policy", help="Use this pack for the case and every debt of it.")
    ] = None,
    on: Annotated[str | None, typer.Option("--on", help="The day, YYYY-MM-DD; the file's, or today.")] = None,
    lang: Annotated[str, typer.Option("--lang", help="zh or en.")] = "en",
    example: Annotated[bool, typer.Option("--example", help="Use the example that comes along.")] = False,
    joint: Annotated[
        bool, typer.Option("--joint", help="Use the example with a co-borrower and guarantors.")
    ] = False,
    folder: PoliciesFolder = None,
    as_json: JsonFlag = False,
) -> None:
    """Work out what a borrower could be offered: assessment, ranked plans with schedules, and why.

    Nothing is kept or sent. Exit 1 where the case cannot be read; that no plan fits is an answer.
    """
    import deploy
    from services.cli.offer_case import CaseFileError, NothingToOfferError, read_case
    from services.cli.offer_print import as_json as plain
    from services.cli.offer_print import show
    from services.cli.offer_run import run
    from shared.policy.loader import PolicyError
    from shared.policy.rates import RatesError
    from shared.policy.reference import load_reference
    from shared.policy.roster import RosterError
    from shared.texts import LANGUAGES

    if lang not in LANGUAGES:
        raise fail(f"--lang: {lang!r} is not one of {', '.join(LANGUAGES)}", code=2)
    if (case is not None) + example + joint != 1:
        raise fail("Give a case file, --example or --joint.", "`parley offer --example` shows one.", code=2)
    examples = Path(deploy.__file__).parent / EXAMPLES
    path = case or (examples / JOINT if joint else _example(examples, policy))
    try:
        reference = load_reference(policies_dir(folder))({})
        book = reference.policies
        currencies = {pack: book.pack(pack).info.currency for pack in book.pack_ids}
        read = read_case(path, policy, currencies)
        day = date.fromisoformat(on) if on else read.on or date.today()  # noqa: DTZ011 - the user's own day
        outcome = run(read, day, policy, reference)
    except NothingToOfferError as error:
        raise fail(str(error), "A debt that is protected, disputed, sold or settled has no plan.") from None
    except CaseFileError as error:
        raise fail(str(error), "Correct the file and run it again.") from None
    except (PolicyError, RatesError, RosterError) as error:
        raise fail(str(error), "Correct the folder; `parley policy check` lists every problem.") from None
    except ValueError:
        if on is None:
            raise
        raise fail(f"--on: {on!r} is not a date like 2026-01-31", code=2) from None
    rounding = book.in_force(read.policy, day).amounts.rounding
    if as_json:
        import orjson

        typer.echo(orjson.dumps(plain(outcome, rounding, lang), option=orjson.OPT_INDENT_2).decode())
    else:
        show(outcome, rounding, lang)


def _example(folder: Path, policy: str | None) -> Path:
    """Give the example of a pack whose currency makes nonsense of the amounts of the usual one, or that."""
    own = folder / f"offer_case.{policy}.json"
    return own if policy is not None and own.is_file() else folder / "offer_case.json"
