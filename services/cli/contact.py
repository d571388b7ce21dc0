"""`parley contact check`: asks the guard of conduct about one message, offline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from services.cli.catalogue import policies_dir
from services.cli.common import JsonFlag, PoliciesFolder, fail, language_of, stdout

if TYPE_CHECKING:
    from shared.conduct import Answer, Request
    from shared.policy.model import Pack
    from shared.texts import Language

__all__ = ["app"]

app = typer.Typer(help="The rules of contact: may this message be sent now?", no_args_is_help=True)

# In the order of shared.texts.LANGUAGES.
_WORDS: dict[str, tuple[str, str]] = {
    "allowed": ("允许", "allowed"),
    "denied": ("不允许", "denied"),
    "again": ("可再次联系的时间", "allowed again"),
    "never": ("不会仅因时间而解除", "not by time alone"),
}


@app.callback()
def _commands() -> None:
    """Keep `check` a command of its own."""


@app.command()
def check(
    request: Annotated[Path, typer.Argument(help="The message, the history and the states, as JSON.")],
    policy: Annotated[str, typer.Option("--policy", help="The pack whose rules hold.")] = "cn-card",
    folder: PoliciesFolder = None,
    lang: Annotated[str, typer.Option("--lang", help="zh or en.")] = "en",
    as_json: JsonFlag = False,
) -> None:
    """Say whether a message may be sent, and if not, by which rule and when it may be.

    Exit 0 where it is allowed, 1 where it is denied, 2 where the question cannot be read.
    """
    from shared.conduct import Guard

    language = language_of(lang)
    pack, question = _pack(folder, policy), _question(request)
    answer = Guard(pack).ask(question)
    if as_json:
        import orjson

        typer.echo(orjson.dumps(_plain(answer, language), option=orjson.OPT_INDENT_2).decode())
    else:
        _print(answer, language, question.message.time_zone or pack.info.time_zone)
    if not answer.allowed:
        raise typer.Exit(1)


def _pack(folder: Path | None, policy: str) -> Pack:
    from shared.policy.loader import PolicyBook, PolicyError

    try:
        return PolicyBook.load(policies_dir(folder)).pack(policy)
    except PolicyError as error:
        raise fail(str(error), code=2) from None


def _question(path: Path) -> Request:
    """Read the question; what is wrong is named by its place, never by its content."""
    from pydantic import ValidationError

    from shared.conduct import Request

    try:
        return Request.model_validate_json(path.read_bytes())
    except OSError as error:
        raise fail(f"{path}: {error.strerror}", code=2) from None
    except ValidationError as error:
        lines = (
            f"{'.'.join(str(part) for part in problem['loc']) or path}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_context=False, include_input=False)
        )
        raise fail("\n".join(lines), code=2) from None


def _plain(answer: Answer, language: Language) -> dict[str, Any]:
    from shared.texts.conduct import rule_words

    return {
        "allowed": answer.allowed,
        "allowed_again": answer.allowed_again,
        "denials": [
            {
                "rule": denial.rule,
                "words": rule_words(denial.rule, language),
                "key": denial.key,
                "clause": denial.clause,
                "source": denial.source,
                "until": denial.until,
            }
            for denial in answer.denials
        ],
    }


def _print(answer: Answer, language: Language, zone: str) -> None:
    """The answer for people, with times as the borrower's clock shows them."""
    from zoneinfo import ZoneInfo

    from shared.texts.conduct import rule_words

    at = 0 if language == "zh" else 1
    if answer.allowed:
        stdout.print(Text(_WORDS["allowed"][at], style="green"))
        return
    stdout.print(Text(_WORDS["denied"][at], style="red"))
    for denial in answer.denials:
        clause = () if denial.clause == "-" else (denial.clause,)
        stdout.print(Text(f"  {denial.rule} · {rule_words(denial.rule, language)}"), soft_wrap=True)
        basis = " · ".join((denial.key, *clause, denial.source))
        stdout.print(Text(f"    {basis}", style="dim"), soft_wrap=True)
    again = answer.allowed_again
    shown = again.astimezone(ZoneInfo(zone)).isoformat() if again else _WORDS["never"][at]
    stdout.print(Text(f"{_WORDS['again'][at]}: {shown}"), soft_wrap=True)
