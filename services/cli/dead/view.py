"""How dead letters are shown: lines for people, JSON for scripts; values of records only on demand."""

from __future__ import annotations

import base64
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from shlex import quote
from typing import Any, Final

import orjson
import typer

from services.cli.common import stdout
from services.cli.dead.advice import discarded_by, next_steps
from services.cli.dead.book import Book, Entry
from services.cli.dead.everywhere import Copy
from services.cli.dead.ids import columns, local, plain, short
from shared.runtime.document import row_name
from shared.runtime.parked import Held, Message, State

__all__ = [
    "HeldLine",
    "as_json",
    "book_json",
    "held_json",
    "print_book",
    "print_copies",
    "print_entry",
    "print_held",
    "print_json",
    "say",
]

_SHOWN: Final = 30  # headers, and messages that wait, that are listed one by one
_OURS: Final = ("ce_", "content-type", "traceparent", "tracestate")
_WORDS: Final = {
    State.PARKED: "parked: it waits for a replay",
    State.DECIDED: "decided meanwhile",
    State.WAITS: "waits for what it builds on",
    State.DISCARDED: "discarded",
    State.FINAL: "final: no document holds it",
}


@dataclass(frozen=True, slots=True)
class HeldLine:
    """A parked document with the services that leave the due work of its cases because of it."""

    held: Held
    elsewhere: tuple[str, ...]


def say(text: str = "") -> None:
    """Print a line as it is, however long."""
    stdout.print(text, markup=False, highlight=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """Print JSON, not through rich: it would wrap long strings."""
    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def _event(type_: str | None) -> str:
    return plain((type_ or "").removeprefix("parley.").removesuffix(".v1"), 40)


# -- list


def print_book(book: Book) -> None:
    """Print one line per letter, newest first, then the sums."""
    if not book.total:
        say("There are no dead letters that fit.")
        return
    rows = [("id", "when", "reason", "event", "case", "state")]
    for entry in book.entries:
        letter = entry.letter
        rows.append(
            (
                plain(short(letter.name)),
                local(letter.at_ms),
                plain(entry.reason, 40),
                _event(letter.type) if not letter.day else f"due on {plain(letter.day)}",
                plain(_case(entry), 36),
                _state(entry),
            )
        )
    for line in columns(rows):
        say(line)
    say()
    sums: dict[tuple[str, str], Counter[State]] = defaultdict(Counter)
    for (service, reason, state), count in book.counts.items():
        sums[service, reason][state] += count
    for line in columns([(service, plain(reason, 40), str(states.total()), _split(states))
                         for (service, reason), states in sums.items()]):  # fmt: skip
        say(line)
    shown = len(book.entries)
    more = "" if shown + book.behind == book.total else " (--limit shows more)"
    if book.behind:
        more += f", {book.behind} only waited behind another (--behind lists them)"
    say(f"{shown} of {book.total} dead letters{more}; `parley dead show ID` tells all about one")


def _case(entry: Entry) -> str:
    return entry.letter.case or next(iter(entry.fate.cases), "")


def _state(entry: Entry) -> str:
    fate = entry.fate
    if fate.state is State.DISCARDED:
        return f"discarded {plain(discarded_by(fate.discard), 80)}"
    return fate.state.value


def _split(states: Counter[State]) -> str:
    return ", ".join(f"{states[state]} {state}" for state in State if states[state])


def book_json(book: Book) -> dict[str, Any]:
    """Give the list for scripts."""
    return {
        "letters": [entry_json(entry) for entry in book.entries],
        "total": book.total,
        "counts": [
            {"service": service, "reason": reason, "state": state.value, "letters": count}
            for (service, reason, state), count in book.counts.items()
        ],
    }


# -- show


def entry_json(entry: Entry) -> dict[str, Any]:
    """Give one letter for scripts, without headers and value."""
    letter, fate, kept = entry.letter, entry.fate, entry.fate.discard
    return {
        "id": letter.name,
        "short": short(letter.name),
        "service": letter.service,
        "reason": entry.reason,
        "detail": letter.detail,
        "at": letter.at_ms,
        "topic": letter.record.topic or None,
        "partition": letter.record.partition if not letter.day else None,
        "offset": letter.record.offset if not letter.day else None,
        "day": letter.day or None,
        "type": letter.type,
        "case": letter.case,
        "cases": list(fate.cases),
        "document": letter.document,
        "state": fate.state.value,
        "discard": {name: kept.get(name) for name in ("reason", "by", "time", "command")} if kept else None,
    }


def print_entry(entry: Entry, held: Held | None, value: bytes | None, *, show_value: bool) -> None:
    """Print everything about one letter."""
    letter, fate, record = entry.letter, entry.fate, entry.letter.record
    stopped = (
        f"; a replay stopped at it: {plain(fate.reason)}" if fate.reason not in {None, letter.reason} else ""
    )
    facts = [
        ("letter", f"{plain(letter.name)}, written {local(letter.at_ms)}"),
        ("state", _words(entry)),
        (
            "reason",
            f"{plain(letter.reason)}{': ' + plain(letter.detail, 500) if letter.detail else ''}{stopped}",
        ),
    ]
    if letter.day:
        facts.append(("due work", f"of {plain(letter.day)}"))
    else:
        at = f"{plain(record.topic)}, partition {record.partition}, offset {record.offset}"
        facts += [("record", f"{at}, written {local(record.timestamp_ms)}"), ("event", plain(letter.type))]
    facts.append(("case", plain(_case(entry))))
    if letter.document is not None:
        facts.append(("document", f"{plain(letter.document)} of {letter.service}"))
    if held is not None:
        facts.append(("held", f"since {local(held.since)}, at {_at(held)}: {plain(held.reason)}"))
    for name, text in facts:
        say(f"{name:<10}{text}")
    if not letter.day:
        _print_record(entry, value, show_value=show_value)
    if held is not None and held.messages:
        _print_waiting(held, letter.record.topic and row_name(record))
    say()
    say("What to do next")
    for line in next_steps(entry, held):
        say(f"    {line}" if line.startswith("parley") else f"  {line}")


def _words(entry: Entry) -> str:
    words = _WORDS[entry.fate.state]
    kept = entry.fate.discard
    return f"{words} {local(str(kept.get('time', '')))} {discarded_by(kept)}" if kept else words


def _at(held: Held) -> str:
    return short(f"{held.service}/{plain(held.at)}") if "/" in held.at else f"the close of {plain(held.at)}"


def _print_record(entry: Entry, value: bytes | None, *, show_value: bool) -> None:
    letter = entry.letter
    say("headers" if letter.record.headers else "headers   none" + (" were kept" if letter.truncated else ""))
    for name, text in _headers(letter.record.headers[:_SHOWN]):
        say(f"    {name}: {text}")
    if len(letter.record.headers) > _SHOWN:
        say(f"    and {len(letter.record.headers) - _SHOWN} more")
    if not show_value:
        size = (
            "too large for a dead letter" if letter.truncated else f"{len(letter.record.value or b'')} bytes"
        )
        say(f"value     {size} (--value prints it; it may hold personal data)")
        return
    say(f"value     {len(value)} bytes" if value is not None else "value     none")
    if value:
        say("".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}"
                    for c in value.decode(errors="replace")))  # fmt: skip


def _headers(headers: Iterable[tuple[str, bytes | None]]) -> list[tuple[str, str]]:
    """Show CloudEvents' and the trace's; of somebody's own only the size, for they may hold anything."""
    found = []
    for name, content in headers:
        known = name.lower().startswith(_OURS)
        size = "null" if content is None else f"{len(content)} bytes"
        text = plain(content.decode(errors="replace")) if known and content else size
        found.append((plain(name, 60), text))
    return found


def _print_waiting(held: Held, own: str) -> None:
    say(f"waiting in this document, in the order of a replay: {_count(held)}")
    names = [message.name for message in held.messages]
    start = max(0, names.index(own) - 2) if own in names else 0
    rows = []
    for number, message in enumerate(held.messages[start : start + _SHOWN], start + 1):
        mark = "<- this one" if message.name == own else ""
        name = plain(short(f"{held.service}/{message.name}"))
        rows.append((f"{number}", name, plain(message.reason), _event(message.type), mark))
    for line in columns(rows):
        say(f"    {line}")
    left = len(names) - start - len(rows)
    if left > 0:
        say(f"    and {left} more")


def _count(held: Held) -> str:
    return f"{len(held.messages)}{' or more' if held.more else ''}"


def as_json(entry: Entry, held: Held | None, value: bytes | None, *, show_value: bool) -> dict[str, Any]:
    """Give everything about one letter for scripts."""
    found = entry_json(entry) | {
        "truncated": entry.letter.truncated,
        "written": entry.letter.record.timestamp_ms or None,
        "headers": [list(pair) for pair in _headers(entry.letter.record.headers)],
        "held": _held_json(held) if held is not None else None,
        "next": next_steps(entry, held),
    }
    if show_value:
        try:
            found["value"] = value.decode() if value is not None else None
        except UnicodeDecodeError:
            found["value_base64"] = base64.b64encode(value or b"").decode()
    return found


# -- one record in every service


def print_copies(copies: Sequence[Copy]) -> None:
    """Print what each service has of a record, or has done about it, and what to do next."""
    for copy in copies:
        say(copy.line())
    if not any(copy.dropped or copy.word == "possible" for copy in copies):
        say("No service holds it that could drop it: nothing was done.")
    elif any(copy.word in {"silent", "unread"} for copy in copies):
        say("Give the same command again when those have come to it: what is done stays done.")
    keys = {copy.held.key: None for copy in copies if copy.held is not None and copy.dropped}
    if keys:
        say("What waits in those documents still waits. Replay it:")
    for key in keys:
        say(f"    parley dead replay --case {quote(key)}")


# -- held


def print_held(lines: Sequence[HeldLine], total: int) -> None:
    """Print the parked documents, oldest first, each with what waits in it."""
    if not total:
        say("No case is held: nothing is parked.")
        return
    rows = [("service", "document", "since", "reason", "stopped at", "waiting", "held too by")]
    waits = []
    for line in lines:
        held = line.held
        rows.append(
            (
                held.service,
                plain(held.document, 64),
                local(held.since),
                plain(held.reason, 40),
                _at(held),
                _count(held),
                ", ".join(line.elsewhere) or "–",
            )
        )
        kinds = Counter(_event(message.type) for message in held.messages)
        cases = [case for case in held.cases if case != held.document]
        waits.append([*(f"    holds case {plain(case)}" for case in cases),
                      *(f"    {count} x {kind}" for kind, count in kinds.most_common())])  # fmt: skip
    head, *rest = columns(rows)
    say(head)
    for text, below in zip(rest, waits, strict=True):
        say(text)
        for each in below:
            say(each)
    more = "" if len(lines) == total else f" (the oldest {len(lines)} are shown; --limit shows more)"
    say(f"{total} held{more}; `parley dead replay --service S --case DOCUMENT` decides again what waits")


def held_json(line: HeldLine) -> dict[str, Any]:
    """Give one parked document for scripts."""
    return _held_json(line.held) | {"held_by_too": list(line.elsewhere)}


def _held_json(held: Held) -> dict[str, Any]:
    return {
        "service": held.service,
        "document": held.document,
        "cases": list(held.cases),
        "since": held.since or None,
        "reason": held.reason,
        "at": held.at,
        "waiting": len(held.messages),
        "more": held.more,
        "messages": [_message_json(held, message) for message in held.messages],
    }


def _message_json(held: Held, message: Message) -> dict[str, Any]:
    return {
        "id": f"{held.service}/{message.name}",
        "reason": message.reason,
        "type": message.type,
        "case": message.case,
        "parked_at": message.parked_at or None,
    }
