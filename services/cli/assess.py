"""`parley assess`: one household's assessment on this machine alone, with the services' own code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.catalogue import policies_dir
from services.cli.common import JsonFlag, PoliciesFolder, fail, stdout

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from services.assessment.offline import Household, Outcome

__all__ = ["assess"]

_SHOWN = 12


def assess(
    statement: Annotated[
        Path | None, typer.Argument(help="The household, as JSON; `--example` shows one.", show_default=False)
    ] = None,
    policy: Annotated[
        str | None, typer.Option("--policy", help="Another pack than the file names, e.g. uk-unsecured.")
    ] = None,
    lang: Annotated[str, typer.Option("--lang", help="Language of the text: zh or en.")] = "en",
    example: Annotated[bool, typer.Option("--example", help="Assess the built-in example.")] = False,
    folder: PoliciesFolder = None,
    as_json: JsonFlag = False,
) -> None:
    """Assess a household without any server: what it can pay now, later and under stress, and why.

    Exit 1 when something in the file cannot be used; each problem names its field and its rule.
    """
    if lang not in ("zh", "en"):
        raise fail("--lang: there are zh and en.", code=2)
    if (statement is None) != example:
        raise fail(
            "Give a file, or --example.", "`parley assess --example` shows what a file looks like.", code=2
        )
    path = statement or _example()
    document = _read(path, policy)
    outcome = _play(document, folder, lang)
    if as_json:
        import orjson

        stdout.print_json(orjson.dumps(_plain(document, outcome)).decode())
        return
    _print(document, outcome, lang)
    if example:
        _say()
        _say(f"({'示例文件' if lang == 'zh' else 'The example'}: {path})")


def _example() -> Path:
    import deploy

    return Path(deploy.__file__).parent / "examples" / "statement.json"


def _read(path: Path, policy: str | None) -> Household:
    from pydantic import ValidationError

    from services.assessment.offline import Household
    from shared.contracts.data import Violation, read_json

    try:
        given = path.read_bytes()
    except OSError as error:
        raise fail(f"{path}: {error.strerror}", code=2) from None
    try:
        raw = read_json("the file", given)
    except Violation as error:
        raise fail(f"{path}: {error.field} {error.rule}{_place(given)}") from None
    if not isinstance(raw, dict):
        raise fail(f"{path}: must hold one JSON object")
    if policy is not None:
        raw["policy"] = policy
    import orjson

    try:
        document = Household.model_validate_json(orjson.dumps(raw), strict=True)
    except ValidationError as error:
        raise fail(
            "\n".join(_problems(error)), "Correct these fields; `parley assess --example` shows a file."
        ) from None
    unknown = list(_unknown(raw, document.model_dump(mode="json"), ""))
    if unknown:
        lines = [f"{name}: is not a field that a statement has" for name in unknown[:_SHOWN]]
        raise fail("\n".join(lines), "A misspelt field would count as not given.")
    return document


def _place(given: bytes) -> str:
    """Where text stops being JSON; nothing where it is refused for something else."""
    try:
        json.loads(given)
    except json.JSONDecodeError as error:
        return f": line {error.lineno}, column {error.colno}"
    except (ValueError, RecursionError):
        pass
    return ""


def _problems(error: Any) -> list[str]:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    lines = []
    for item in found[:_SHOWN]:
        where = ".".join(str(part) for part in item["loc"]) or "the file"
        rule = item["msg"].removeprefix("Value error, ")
        lines.append(f"{where}: {rule[:1].lower()}{rule[1:]}")
    more = len(found) - _SHOWN
    return lines if more <= 0 else [*lines, f"… and {more} more"]


def _unknown(raw: Any, known: Any, at: str) -> Iterator[str]:
    """Give the fields of the file that no contract knows: what was read back does not have them."""
    if isinstance(raw, dict) and isinstance(known, dict):
        for name, value in raw.items():
            where = f"{at}.{name}" if at else name
            if name not in known:
                yield where
            else:
                yield from _unknown(value, known[name], where)
    elif isinstance(raw, list) and isinstance(known, list):
        for number, (value, other) in enumerate(zip(raw, known, strict=False)):
            yield from _unknown(value, other, f"{at}.{number}")


def _play(document: Household, folder: Path | None, lang: str) -> Outcome:
    from services.assessment.offline import play
    from shared.policy.loader import PolicyError
    from shared.policy.reference import load_reference
    from shared.texts import text

    try:
        reference = load_reference(policies_dir(folder))({})
    except PolicyError as error:
        raise fail(str(error), "`parley policy check` lists every problem of the packs.") from None
    if document.policy not in reference.policies:
        known = ", ".join(reference.policies.pack_ids)
        raise fail(f"policy: there is no pack {document.policy!r}; there are: {known}")
    currency = reference.policies.in_force(document.policy, document.on).currency
    if document.owed.currency != currency:
        raise fail(
            f"owed.currency: {document.owed.currency} is not the currency of {document.policy}, {currency}"
        )
    if document.owed.is_negative:
        raise fail("owed.amount: must not be negative")
    outcome = play(document, reference)
    if outcome.refused:
        lines = [
            f"{_field(name, why.params)}: {text(why.code, why.params, lang)} ({why.code.value})"
            for name, why in ((name, item.reason) for name, item in outcome.refused[:_SHOWN])
        ]
        raise fail("\n".join(lines))
    return outcome


def _field(part: str, params: Mapping[str, str]) -> str:
    """Name what was refused as the file has it: the part, and its field where the reason says one."""
    return f"{part}.{params['field']}" if "field" in params else part


def _plain(document: Household, outcome: Outcome) -> dict[str, Any]:
    from shared.texts.affairs import as_text, statement_of_affairs

    said, asked = outcome.completed, outcome.requested
    affairs = (
        {}
        if said is None
        else {lang: as_text(statement_of_affairs(said, document.owed, lang), lang) for lang in ("zh", "en")}
    )
    return {
        "on": document.on.isoformat(),
        "policy": document.policy,
        "assessment": None if said is None else said.model_dump(mode="json"),
        "requested": None if asked is None else asked.model_dump(mode="json"),
        "referrals": [item.model_dump(mode="json") for item in outcome.referrals],
        "statement_of_affairs": affairs,
    }


def _print(document: Household, outcome: Outcome, lang: str) -> None:
    from shared.texts import text, word
    from shared.texts.affairs import as_text, statement_of_affairs

    said, asked = outcome.completed, outcome.requested
    comma = "，" if lang == "zh" else ", "
    for referral in outcome.referrals:
        for reason in referral.reasons:
            _say(text(reason.code, reason.params, lang))
        role = word("role", referral.owner_role, lang)
        _say(f"  {role}{comma}{word('affairs', 'due', lang)} {referral.due.isoformat()}")
        _say()
    if asked is not None:
        for reason in asked.reasons:
            _say(text(reason.code, reason.params, lang))
        missing = word("missing", ", ".join(asked.missing), lang)
        _say(f"  {missing}{comma}{word('affairs', 'due', lang)} {asked.due.isoformat()}")
        _say()
        for question in asked.questions if said is None else ():
            _say(f"  {word('question', question, lang)}")
    if said is None:
        return
    _say(f"{word('affairs', 'title', lang)} ({document.policy}, {document.on.isoformat()})")
    _say()
    _say(as_text(statement_of_affairs(said, document.owed, lang), lang))


def _say(line: str = "") -> None:
    stdout.print(line, markup=False, highlight=False, soft_wrap=True)
