"""Commands that read: `cases`, `case`, `trace`. Where nothing runs, the database is started for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from services.cli.common import DataDir, JsonFlag, data_dir, fail, guarded, language_of, stderr, stdout
from services.cli.following import Every, follow, heard_text, row_json, row_text, story_text, watch
from services.console.model import Stage

if TYPE_CHECKING:
    from services.console.model import CaseLine
    from services.console.reads import CaseRow
    from services.console.story import Line
    from shared.crypto.sealing import PersonKey
    from shared.runtime.settings import Settings

__all__ = ["CaseArgument", "not_found", "register", "with_database"]

T = TypeVar("T")

CaseArgument = Annotated[str, typer.Argument(metavar="CASE", help="A case id, or its first characters.")]
LangOption = Annotated[str, typer.Option("--lang", help="zh or en.")]

# On a terminal narrower than this, in columns, the list of cases shows the first characters of their ids.
_ID_FITS: Final = 120
_ID_SHORT: Final = 8


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command()(cases)
    app.command()(case)
    app.command()(trace)


def with_database(folder: Path, work: Callable[[Settings], Awaitable[T]]) -> T:
    """Run `work` with the database of `folder` (or of MONGODB_URI), started for it where nothing runs."""

    async def run() -> T:
        from deploy.embedded.reading import reading_database
        from services.cli.platform import settings_for

        async with reading_database(folder, console=stderr) as uri:
            # No reading command talks to Kafka.
            return await work(settings_for("127.0.0.1:9", uri, folder))

    return guarded(run)


def not_found(error: LookupError) -> typer.Exit:
    """Say which case was not found, or which are meant; the caller raises what is returned."""
    from services.console.reads import Ambiguous

    remedy = "Give more of its id, one of: " + ", ".join(error.cases) if isinstance(error, Ambiguous) else ""
    return fail(str(error.args[0]), remedy or "`parley cases` lists them.")


def cases(
    data: DataDir = None,
    stage: Annotated[
        list[Stage] | None, typer.Option("--stage", help="Only these stages; repeatable.")
    ] = None,
    owner: Annotated[str | None, typer.Option("--owner", help="Only this negotiator's.")] = None,
    customer: Annotated[str | None, typer.Option("--customer", help="Only this customer's.")] = None,
    only_open: Annotated[bool, typer.Option("--open", help="Only open cases.")] = False,
    held: Annotated[bool, typer.Option("--held", help="Only cases that a service holds.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many lines.")] = 50,
    watching: Annotated[
        bool, typer.Option("--watch", help="Go on: a line for each case that changes.")
    ] = False,
    every: Every = 2.0,
    as_json: JsonFlag = False,
) -> None:
    """List cases: stage, owner, next date, and what the borrower says of how they are treated."""
    from services.console.reads import case_rows

    def wanted(row: CaseRow) -> bool:
        line = row.line
        return (
            (not stage or line.stage in stage)
            and (owner is None or line.owner == owner)
            and (customer is None or row.customer == customer)
            and (not only_open or line.close_reason is None)
            and (not held or bool(row.held_by))
        )

    def tell(row: CaseRow, before: CaseRow | None) -> None:
        if as_json:
            _print_line(row_json(row))
        else:
            stdout.print(escape(row_text(row, before)), highlight=False, soft_wrap=True)

    if watching:

        async def go_on(settings: Settings) -> None:
            await watch(lambda: case_rows(settings), wanted, tell, every)

        with_database(data_dir(data), go_on)
        return
    rows = with_database(data_dir(data), case_rows)
    chosen = [row for row in rows if wanted(row)]
    if as_json:
        _print_json([row_json(row) for row in chosen[:limit]])
        return
    if not chosen:
        stdout.print("No case matches." if rows else "There are no cases yet.")
        return
    table = Table()
    # Every command takes the first characters of an id, too.
    id_width = _ID_SHORT if stdout.width < _ID_FITS else None
    heard = {row.case: said for row in chosen[:limit] if (said := heard_text(row.line.voice))}
    columns = ("case", "customer", "policy", "stage", "owner", "opened", "last", "next")
    for column in (*columns, *(["borrower"] if heard else [])):
        table.add_column(column, no_wrap=column == "case")
    for row in chosen[:limit]:
        line = row.line
        stage_text = line.stage.value + (f" ({line.close_reason})" if line.close_reason else "")
        if row.held_by:
            stage_text += f", held by {', '.join(row.held_by)}"
        table.add_row(
            row.case[:id_width],
            row.customer,
            line.policy or "–",
            stage_text,
            line.owner or "–",
            str(line.opened_on or "–"),
            str(line.last_on or "–"),
            row.next_date or "–",
            *([heard.get(row.case, "–")] if heard else []),
        )
    stdout.print(table)
    shown = min(limit, len(chosen))
    stdout.print(
        f"{shown} of {len(chosen)} cases" + ("" if shown == len(chosen) else " (--limit shows more)")
    )


def case(
    case_id: CaseArgument,
    data: DataDir = None,
    lang: LangOption = "en",
    following: Annotated[bool, typer.Option("--follow", help="Go on: each event as it is filed.")] = False,
    every: Every = 1.0,
    as_json: JsonFlag = False,
) -> None:
    """Print the story of a case, in order: when, by whom, what, why; the borrower's words stand out.

    At the end stand the ids by which the desk answers: the last offer and its plans, the last approval asked
    for, the last agreement with its version and the hash of its content, who else owes its debts, and the
    stops, problems and alerts that nobody has ended. --json has those of every event.
    """
    lang = language_of(lang)
    if following:
        _follow(case_id, data, lang, every, as_json=as_json)
        return
    from services.console.handles import handles_of
    from services.console.reads import discards_of, find_case, person_key_of, story_of
    from services.console.story import discard_lines, lines_of, lines_to_tell, verify

    async def work(settings: Settings) -> tuple[str, str, Any, list[dict[str, Any]], list[Any], Any]:
        found, customer, archived = await find_case(settings, case_id)
        entries = await story_of(settings, customer, archived)
        person = await person_key_of(settings, customer)
        return found, customer, archived, entries, await discards_of(settings, found, customer), person

    try:
        found, customer, archived, entries, discards, person = with_database(data_dir(data), work)
    except LookupError as error:
        raise not_found(error) from None
    wrong = verify(entries, archived.head)
    shown = _opened(entries, person) if wrong is None else entries
    lines = sorted([*lines_of(shown, found, lang), *discard_lines(discards, lang)], key=lambda x: x.time)
    line = archived.cases[found]
    if as_json:
        _print_json(
            {
                "case": found,
                "customer": customer,
                "stage": line.stage.value,
                "owner": line.owner,
                "chain": "whole" if wrong is None else f"entry {wrong.number}: {wrong.rule}",
                "events": [
                    {**asdict(x), "why": list(x.why)} for x in lines
                ],
            }
        )  # fmt: skip
    else:
        _print_head(found, customer, line)
        told = lines_to_tell(lines)
        for x in told:
            stdout.print(story_text(x), highlight=False, soft_wrap=True)
        for handle in handles_of(entries, found):
            stdout.print(handle, markup=False, highlight=False, soft_wrap=True)
        left_out = len(lines) - len(told)
        more = f" ({left_out} more say that it was held or released; --json has all)" if left_out else ""
        whole = f"{len(lines)} events{more}; the chain of {len(entries)} entries is whole."
        stdout.print(whole if wrong is None else "", highlight=False, soft_wrap=True)
    if wrong is not None:
        raise fail(f"The archive was changed: entry {wrong.number}: {wrong.rule}.")


def _opened(entries: list[dict[str, Any]], person: PersonKey | None) -> list[dict[str, Any]]:
    from services.console.reads import open_entries
    from shared.crypto.sealing import SealError

    try:
        return open_entries(entries, person)
    except SealError as error:
        raise fail(f"The archive was changed: {error}.") from None


def _print_head(found: str, customer: str, line: CaseLine) -> None:
    heard = heard_text(line.voice)
    said = f", borrower: {heard}" if heard else ""
    head = f"Case {found} of customer {customer}: {line.stage.value}, owner {line.owner or '–'}{said}"
    stdout.print(escape(head), highlight=False, soft_wrap=True)


def _follow(case_id: str, data: Path | None, lang: str, every: float, *, as_json: bool) -> None:
    """Print the story so far and go on; it ends with Ctrl-C."""
    from services.console.reads import find_case

    def tell(lines: list[Line]) -> None:
        for line in lines:
            if as_json:
                _print_line({**asdict(line), "why": list(line.why)})
            else:
                stdout.print(story_text(line), highlight=False, soft_wrap=True)

    async def go_on(settings: Settings) -> None:
        found, customer, archived = await find_case(settings, case_id)
        if not as_json:
            _print_head(found, customer, archived.cases[found])
        await follow(settings, found, customer, lang, tell, every)

    try:
        with_database(data_dir(data), go_on)
    except LookupError as error:
        raise not_found(error) from None


def trace(case_id: CaseArgument, data: DataDir = None, as_json: JsonFlag = False) -> None:
    """Print the trace of a case as a tree, across all services, with durations."""
    from services.console.reads import find_case, spans_of

    async def work(settings: Settings) -> tuple[str, list[Any]]:
        found, _customer, _archived = await find_case(settings, case_id)
        return found, await spans_of(settings, found)

    try:
        found, spans = with_database(data_dir(data), work)
    except LookupError as error:
        raise not_found(error) from None
    if as_json:
        _print_json({"case": found, "spans": spans})
        return
    if not spans:
        raise fail(
            f"No span of case {found} is in the database.",
            "With OTEL_EXPORTER_OTLP_ENDPOINT set they go there; PARLEY_SAMPLING may have left the case out.",
        )
    stdout.print(tree_of(found, spans))


def tree_of(case_id: str, spans: list[Any]) -> Tree:
    """Build the tree of a trace: children under their parent, in order of their start."""
    children: dict[str | None, list[Any]] = {}
    known = {span["span"] for span in spans}
    for span in spans:
        parent = span["parent"] if span["parent"] in known else None
        children.setdefault(parent, []).append(span)
    tree = Tree(f"trace of case {case_id}: {len(spans)} spans", highlight=False)

    def add(branch: Tree, parent: str | None) -> None:
        for span in children.get(parent, []):
            add(branch.add(_span_line(span)), span["span"])

    add(tree, None)
    return tree


def _span_line(span: Any) -> str:
    attributes = span["attributes"]
    started = datetime.fromtimestamp(span["start"] / 1e9).astimezone().strftime("%H:%M:%S.%f")[:-3]
    took = (span["end"] - span["start"]) / 1e6
    words = [f"[cyan]{attributes.get('parley.service', '')}[/]", escape(span["name"])]
    kind = attributes.get("parley.event.type")
    if kind:
        words.append(escape(str(kind).removeprefix("parley.").removesuffix(".v1")))
    if attributes.get("parley.decision"):
        words.append(f"→ {escape(str(attributes['parley.decision']))}")
    return " ".join(word for word in words if word) + f" [dim]{took:.1f} ms at {started}[/]"


def _print_json(value: Any) -> None:
    import orjson

    # Not through rich: it would wrap long strings.
    typer.echo(orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2).decode())


def _print_line(value: Any) -> None:
    """One object on a line of its own, for who reads while it goes on."""
    import orjson

    typer.echo(orjson.dumps(value, default=str).decode())
