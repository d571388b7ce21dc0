"""`parley evidence`, `hold` and `erase`: one case as one file, and how long a file is kept."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

from services.cli.common import DataDir, data_dir, fail, guarded, stderr, stdout
from services.cli.dead.options import ByOption, WaitOption, operator_of
from services.cli.reading import CaseArgument, not_found, with_database
from shared.contracts.ops import HoldAction

if TYPE_CHECKING:
    from services.console.model import ArchivedCustomer
    from shared.contracts.ops import ErasePerson, LegalHold
    from shared.policy.loader import PolicyBook
    from shared.runtime.operate import Operator
    from shared.runtime.settings import Settings

__all__ = ["register", "verify_zip"]

T = TypeVar("T")
_PIPE: Final = Path("-")

ReasonOption = Annotated[
    str | None, typer.Option("--reason", help="Why. Required, and kept for good: nothing personal in it.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command()(evidence)
    app.command()(hold)
    app.command()(erase)


# -- one case as one file -----------------------------------------------------------------------------------


def evidence(
    case_id: CaseArgument,
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="The file to write; it must not exist. - is the standard output."),
    ],
    sealed: Annotated[
        bool, typer.Option("--sealed", help="Leave personal data sealed: nobody who has the file reads it.")
    ] = False,
    data: DataDir = None,
) -> None:
    """Write all that is on file about a case into one file that proves itself.

    It holds the timeline, the agreements (as filed, and as PDF in both languages), the hash chain with its
    checkpoints, and an index to read in both languages. It is signed with the lender's key
    (PARLEY_SIGNING_KEY); check it with `parley verify`. Whoever has the file can read the borrower's data in
    it, also after an erasure here: --sealed leaves that out.
    """
    from services.agreement.paper.layout import PaperError
    from services.cli.keys import private_key
    from services.cli.papers import papers_of
    from services.console.bundle import Source, make_bundle
    from services.console.checkpoints import NEVER_SIGNED, check_archived, first_unsigned
    from services.console.reads import discards_of, find_case, person_key_of, story_of
    from services.console.reference import read_keys
    from services.console.sealed import first_locked
    from shared.crypto.sealing import SealError
    from shared.crypto.signing import KeyFileError

    piped = out == _PIPE
    if piped and sys.stdout.isatty():
        raise fail("--out -: is a terminal here.", "Send it into a file: … -o - > case.zip", code=2)
    if not piped:
        _see_that_it_can_be_made(out)

    async def work(settings: Settings) -> tuple[Source, Any]:
        signer = read_keys(settings.signing_key, None).signer
        if signer is None:
            raise fail(
                "PARLEY_SIGNING_KEY: is not set: evidence is signed with the lender's key.",
                "Set it to the PEM file of the key; `parley up` and `parley demo` make one in their folder.",
            )
        found, customer, archived = await find_case(settings, case_id)
        entries = await story_of(settings, customer, archived)
        wrong = check_archived(customer, archived, entries, signer.trusted)
        if wrong is not None:
            raise fail(
                f"The archive was changed: entry {wrong.number}: {wrong.rule}.", "Nothing was written."
            )
        discards = await discards_of(settings, found, customer)
        person = None if sealed else await person_key_of(settings, customer)
        ours = [entry for entry in entries if entry["case"] in (found, None)]
        locked = None if sealed else first_locked(ours, person, archived.erased)
        if locked is not None:
            raise fail(
                f"Entry {locked} is sealed under a key that is not here, and no erasure is on file.",
                "See that PARLEY_MASTER_KEY names the key that it was filed with, and that nobody has touched"
                " archive.keys; --sealed leaves personal data sealed.",
            )
        assert settings.signing_key is not None  # noqa: S101 - narrows: there is a signer
        lender = private_key(settings.signing_key)
        papers = papers_of(entries, found, customer, lender, person, archived.erased)
        return Source(found, customer, archived, entries, discards, person, papers), signer

    try:
        source, signer = with_database(data_dir(data), work)
    except LookupError as error:
        raise not_found(error) from None
    except (KeyFileError, PaperError) as error:
        raise fail(str(error)) from None
    except SealError as error:
        raise fail(f"The archive was changed: {error}.", "Nothing was written.") from None
    try:
        raw = make_bundle(source, signer, datetime.now(UTC))
    except SealError as error:
        raise fail(f"The archive was changed: {error}.", "Nothing was written.") from None
    if piped:
        sys.stdout.buffer.write(raw)
    else:
        write_new(out, raw)
    (stderr if piped else stdout).print(
        f"{out}: {len(raw)} bytes, {source.archived.entries} entries, signed with key {signer.key_id}.",
        highlight=False,
        soft_wrap=True,
    )
    unsigned = first_unsigned(
        source.entries, {one["number"] for one in source.entries if "checkpoint" in one}
    )
    if unsigned is not None:
        stderr.print(f"Entry {unsigned}: {NEVER_SIGNED}.", style="yellow", highlight=False, soft_wrap=True)


def _see_that_it_can_be_made(out: Path) -> None:
    """End the command before all the work where the file is there already, or cannot be."""
    try:
        if out.exists():
            raise fail(
                f"{out}: is there already.", "Give another name: evidence is never overwritten.", code=2
            )
        if not out.parent.is_dir():
            raise fail(
                f"{out}: there is no folder {out.parent}.", "Make it first, or give another name.", code=2
            )
    except OSError as error:  # a folder that nobody may enter, a name that is too long
        raise fail(f"{out}: cannot be written ({error.strerror}).", "Nothing was written.", code=2) from None


def write_new(out: Path, raw: bytes) -> None:
    """Write a file that does not exist yet: all of it, or none; ends the command where that fails."""
    made = whole = False
    try:
        with out.open("xb") as file:
            made = True
            file.write(raw)
        whole = True
    except OSError as error:
        raise fail(f"{out}: cannot be written ({error.strerror}).", "Nothing was written.") from None
    finally:
        if made and not whole:  # half of a bundle would look like one that was changed
            out.unlink(missing_ok=True)


def verify_zip(file: Path, keys: Sequence[Path], *, as_json: bool = False) -> None:
    """Check a bundle and say so; what is not right ends the command with exit code 1."""
    from services.cli.papers import check_papers
    from services.console.bundle import Report, check_bundle
    from services.console.bundle.packing import LARGEST, unpack
    from services.console.checkpoints import NEVER_SIGNED
    from shared.crypto.signing import KeyFileError, load_public

    try:
        if file.stat().st_size >= LARGEST:
            raise fail(f"{file}: is no bundle: none has 4 GiB.")
        raw = file.read_bytes()
        trusted = [load_public(path) for path in keys]
    except OSError as error:
        raise fail(f"{file}: cannot be read ({error.strerror}).", code=2) from None
    except KeyFileError as error:
        raise fail(str(error), code=2) from None
    report = check_bundle(raw, trusted)
    if report.ok:
        faults = check_papers(unpack(raw), [key.public for key in trusted])
        report = Report(tuple(faults), report.manifest, report.unsigned)
    if as_json:
        rows = [{"where": fault.where, "rule": fault.rule} for fault in report.faults]
        _print_json({"file": str(file), "ok": report.ok, "faults": rows, "unsigned_from": report.unsigned})
        if not report.ok:
            raise typer.Exit(1)
        return
    if not report.ok:
        more = len(report.faults) - 1
        raise fail(f"{file} is not what was signed. {report.faults[0]}.", f"{more} more." if more else "")
    said = report.manifest
    stdout.print(
        f"{file} is complete and untouched: case {said['case']}, {said['entries']} entries, {said['shown']}"
        f" of them shown, made at {said['made_at']}, signed with key {said['key']}.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    if report.unsigned is not None:
        stderr.print(
            f"Entry {report.unsigned}: {NEVER_SIGNED}. Ask the lender which.",
            style="yellow", markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip


def _print_json(value: Any) -> None:
    import orjson

    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


# -- how long a file is kept --------------------------------------------------------------------------------


def _reason_of(given: str | None) -> str:
    text = (given or "").strip()
    if not 3 <= len(text) <= 4000:
        raise fail("--reason: is required, 3 to 4000 characters: it is kept with the file.", code=2)
    return text


def _commanding(data: Path | None, work: Callable[[Settings, Operator], Awaitable[T]]) -> T:
    """Run `work` on a platform that runs: the archive obeys, and files who commanded it."""

    async def run() -> T:
        from services.cli.dead.servers import open_servers
        from shared.runtime.operate import Operator, SilentError
        from shared.runtime.publish import EventPublisher

        async with (
            open_servers(data, running=True) as (settings, store),
            EventPublisher(settings) as publisher,
        ):
            operator = Operator(settings, store, publisher)
            if await operator.absent(["archive"]):
                raise fail(
                    "No replica of the archive is running: nobody would obey. Nothing was published.",
                    "Start the platform with `parley up` (or `parley run archive`), then try again.",
                )
            try:
                return await work(settings, operator)
            except SilentError:
                raise fail(
                    "The archive has not answered within the time of --wait.",
                    "The command stands in ops.commands and is obeyed as soon as the archive reads it.",
                ) from None

    try:
        return guarded(run)
    except LookupError as error:
        raise not_found(error) from None


def _packs_of(settings: Settings) -> PolicyBook:
    from services.cli.catalogue import policies_dir
    from shared.policy.loader import PolicyBook

    return PolicyBook.load(policies_dir(settings.policies))


async def _give(operator: Operator, command: LegalHold | ErasePerson, wait: float) -> None:
    from shared.runtime.operate import Command

    (refused,) = await operator.give([Command(command.document, command)], patience=wait)
    if refused is not None:
        raise fail(f"The command was refused: {refused}.")


def hold(
    case_id: CaseArgument,
    action: Annotated[HoldAction, typer.Argument(help="set or lift.")],
    reason: ReasonOption = None,
    role: Annotated[
        str, typer.Option("--role", help="In which role: the one that the case's policy pack names.")
    ] = "",
    by: ByOption = None,
    wait: WaitOption = 60,
    data: DataDir = None,
) -> None:
    """Put a case under a legal hold, or lift it. While it is set nobody is erased, whatever the age.

    Only who has the role that the case's pack names does it (`retention.hold_role`). Who did it, in which
    role, when and why becomes part of the case's chain, a refusal too. The platform must be running.
    """
    text, name = _reason_of(reason), operator_of(by)

    async def work(settings: Settings, operator: Operator) -> tuple[str, bool]:
        from services.console.keeping import hold_refused
        from services.console.reads import find_case
        from shared.contracts.ops import LegalHold
        from shared.texts import text as words

        found, customer, archived = await find_case(settings, case_id)
        command = LegalHold(document=customer, case=found, action=action, reason=text, by=name, role=role)
        refused = hold_refused(archived, _packs_of(settings), command, datetime.now(UTC).date())
        if refused is not None:
            raise fail(f"Nothing was done. {words(refused.rule, refused.params)}", "Say it with --role.")
        await _give(operator, command, wait)
        _, _, after = await find_case(settings, found)
        return found, found in after.holds

    found, held = _commanding(data, work)
    if held != (action is HoldAction.SET):
        raise fail(f"Case {found}: the archive has not obeyed.", "`parley dead list` says why.")
    stdout.print(f"Case {found} is {'under a legal hold' if held else 'free of its hold'}.", highlight=False)


def erase(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's number.")],
    reason: ReasonOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say whether it is allowed; do nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    by: ByOption = None,
    wait: WaitOption = 60,
    data: DataDir = None,
) -> None:
    """Destroy a person's key, and with it all that is personal about them in the archive. For good.

    Refused, with the rule and the date, while a case is open or under a legal hold, while a complaint has no
    final response, and before the years of every kind of records on file have passed. The chain stays, and
    still verifies. Copies elsewhere (Kafka's topics, backups, bundles that were handed out) are not reached:
    services/console/DECISIONS.md says what to do then.
    """
    text, name = _reason_of(reason), operator_of(by)

    async def look(settings: Settings) -> ArchivedCustomer:
        from services.console.checkpoints import check_archived
        from services.console.keeping import kept_because, kept_by_chain
        from services.console.reads import find_customer, story_of
        from shared.texts import text as words

        archived = await find_customer(settings, customer)
        # The archive decides by its document alone; what a hold has kept cannot be brought back.
        entries = await story_of(settings, customer, archived)
        wrong = check_archived(customer, archived, entries, None)
        if wrong is not None:
            raise fail(f"The archive was changed: entry {wrong.number}: {wrong.rule}.", "Nothing was erased.")
        today = datetime.now(UTC).date()
        kept = kept_because(archived, _packs_of(settings), today) or kept_by_chain(entries)
        if kept is not None:
            raise fail(f"{customer} cannot be erased. {words(kept.rule, kept.params)}")
        return archived

    if dry_run:
        try:
            with_database(data_dir(data), look)
        except LookupError as error:
            raise not_found(error) from None
        stdout.print(f"{customer} may be erased; nothing was done.", highlight=False)
        return

    async def work(settings: Settings, operator: Operator) -> bool:
        from services.console.reads import find_customer
        from shared.contracts.ops import ErasePerson

        before = await look(settings)
        if not yes:
            typer.confirm(f"Destroy the key of {customer}? It cannot be undone.", abort=True, err=True)
        await _give(operator, ErasePerson(document=customer, reason=text, by=name), wait)
        after = await find_customer(settings, customer)
        return after.erased > before.erased

    if not _commanding(data, work):
        raise fail(f"{customer} was not erased: something was filed meanwhile.", "--dry-run says what.")
    stdout.print(f"{customer} is erased: the key is destroyed.", highlight=False)
