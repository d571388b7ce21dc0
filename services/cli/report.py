"""`parley report`: figures over all cases, for whoever reviews how the whole works."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

import typer

from services.cli.catalogue import policies_dir
from services.cli.check import audited
from services.cli.common import DataDir, JsonFlag, PoliciesFolder, fail, stderr, stdout

__all__ = ["report"]


def report(data: DataDir = None, folder: PoliciesFolder = None, as_json: JsonFlag = False) -> None:
    """Report how well it works: outcomes, money, refused messages, plans kept, court, alerts, groups at risk.

    Made from the topics and the database; where nothing runs they are started for it. Run it as often as you
    review the whole, keep what it prints, and record the review with `parley policy reviewed`. The figures
    say what happened, not why. Feedback is named by what it is about; its words are in the case, for who may
    read that.
    """
    from services.console import tables
    from shared.policy.loader import PolicyBook, PolicyError

    try:
        book = PolicyBook.load(policies_dir(folder))
    except PolicyError as error:
        raise fail(str(error), "Correct the pack; `parley policy check` lists every problem.") from None
    found = audited(data)
    reviews = found.mechanism.lines(book, found.outcomes.until)
    figures = found.effects.figures()
    at_risk = found.groups.at_risk()
    if as_json:
        import orjson

        stages = Counter(line.stage.value for line in found.cases.values())
        rows: dict[str, Any] = {
            "stages": dict(sorted(stages.items())),
            "money": {
                currency: {name: str(amount.to_decimal()) for name, amount in sums.items()}
                for currency, sums in tables.sums(found.debts).items()
            },
            "figures": [
                {
                    "group": f.group,
                    "name": f.name,
                    "count": f.count,
                    "of": f.of,
                    "mean": None if f.mean is None else str(f.mean),
                    "between": f.between and [str(bound) for bound in f.between],
                }
                for f in figures
            ],
            "feedback": [asdict(one) for one in found.effects.feedback()],
            "reviews": [asdict(one) for one in reviews],
            "refused": [asdict(one) for one in found.refusals],
            "groups_at_risk": asdict(at_risk),
        }
        typer.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode())
    else:
        for table in (
            tables.outcomes(found.cases),
            tables.funnel(found.cases),
            tables.money(found.debts),
            tables.decisions(found.emitted),
            tables.refusals(found.refusals),
            tables.effects(figures),
            tables.feedback(found.effects.feedback()),
            tables.reviews(reviews),
            tables.groups(at_risk),
        ):
            stdout.print(table)
    wrong = [check.name for check in found.checks if not check.ok]
    if wrong:
        stderr.print(
            f"What was read is not in order ({', '.join(wrong)}): `parley check` says what.", highlight=False
        )
