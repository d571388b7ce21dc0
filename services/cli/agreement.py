"""`parley agreement`: the formal document of a case as PDF, made from what the archive has on file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.common import DataDir, data_dir, fail, language_of, stderr, stdout
from services.cli.keys import KEY_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from services.agreement.paper.layout import Agreement, Letter
    from services.console.model import ArchivedCustomer
    from shared.crypto.sealing import PersonKey
    from shared.runtime.settings import Settings

__all__ = ["agreement", "choose", "write_whole"]

_UNNAMED = {
    "erased": "The borrower's name was erased: the key of their data was destroyed. The document says so.",
    "sealed": "The borrower's name is sealed under a key that is not at hand (PARLEY_MASTER_KEY)."
    " The document says so.",
}


def agreement(
    case_id: Annotated[str, typer.Argument(metavar="CASE", help="A case id, or its first characters.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The PDF to write.")],
    lang: Annotated[
        str | None, typer.Option("--lang", help="zh or en; without it, the language that was signed.")
    ] = None,
    version: Annotated[
        int | None, typer.Option("--version", min=1, help="This version, not the one in force.")
    ] = None,
    letter: Annotated[bool, typer.Option("--letter", help="The settlement letter instead.")] = False,
    key: Annotated[
        Path | None,
        typer.Option(
            "--key", envvar=KEY_VARIABLE, help="The lender's private key: signs and seals the file."
        ),
    ] = None,
    data: DataDir = None,
) -> None:
    """Write the agreement of a case as PDF, with the signed content and the signatures attached.

    The version in force, the last that was, or the draft where nothing is signed yet. With the lender's key
    the file is sealed and `parley verify` can check it; without, it is a copy to look at. The borrower's name
    is printed for who has the house's master key (PARLEY_MASTER_KEY), and was not erased.
    """
    from services.agreement.paper.layout import PaperError
    from services.cli.keys import private_key
    from services.cli.reading import not_found, with_database
    from services.console.reads import find_case, open_entries, person_key_of, story_of
    from services.console.story import verify
    from shared.crypto.sealing import SealError
    from shared.crypto.signing import KeyFileError

    wanted = None if lang is None else language_of(lang)
    lender = None if key is None else private_key(key)

    async def work(settings: Settings) -> tuple[str, str, ArchivedCustomer, list[Any], PersonKey | None]:
        found, customer, archived = await find_case(settings, case_id)
        entries = await story_of(settings, customer, archived)
        return found, customer, archived, entries, await person_key_of(settings, customer)

    try:
        case, customer, archived, entries, person = with_database(data_dir(data), work)
    except LookupError as error:
        raise not_found(error) from None
    except KeyFileError as error:
        raise fail(
            str(error), "It opens the borrower's name; unset PARLEY_MASTER_KEY to go without."
        ) from None
    wrong = verify(entries, archived.head)
    if wrong is not None:
        raise fail(
            f"The archive was changed: entry {wrong.number}: {wrong.rule}.", "No document is made of it."
        )
    try:
        from services.agreement.paper.pdf import make_pdf

        readable = open_entries(entries, person)
        document = choose(readable, case, customer, version=version, letter=letter, erased=archived.erased)
        pdf = make_pdf(document, wanted or document.signed_language, lender)
    except (PaperError, SealError) as error:
        raise fail(f"{error}.") from None
    write_whole(output, pdf)
    stdout.print(f"{output}: {len(pdf):,} bytes", markup=False, highlight=False, soft_wrap=True)
    unnamed = _UNNAMED.get(document.name_state.value)
    if unnamed is not None:
        stderr.print(unnamed, style="yellow", markup=False, highlight=False, soft_wrap=True)
    if lender is None:
        remedy = f"No key was given (--key or {KEY_VARIABLE}): the file is not sealed and cannot be verified."
        stderr.print(remedy, style="yellow", markup=False, highlight=False, soft_wrap=True)


def write_whole(output: Path, raw: bytes) -> None:
    """Write a file, or take its place: all of it or nothing; ends the command where that fails.

    Half of a paper that was signed would look like one that was changed.
    """
    try:
        if output.exists() and not output.is_file():  # a device or a pipe is written to as it is
            output.write_bytes(raw)
            return
        part = output.with_name(f"{output.name}.part")
        try:
            part.write_bytes(raw)
            part.replace(output)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise fail(f"{output}: cannot be written ({error.strerror})") from None


def choose(
    entries: list[Mapping[str, Any]] | list[dict[str, Any]],
    case: str,
    customer: str,
    *,
    version: int | None = None,
    letter: bool = False,
    erased: str = "",
) -> Agreement | Letter:
    """Give the document that is meant. Raises PaperError where there is none."""
    from services.agreement.paper.filed import agreements_of, letters_of
    from services.agreement.paper.layout import PaperError

    if letter:
        letters = letters_of(entries, case, customer, erased)
        if not letters:
            raise PaperError("no settlement letter is on file for this case")
        return letters[-1]
    found = agreements_of(entries, case, customer, erased)
    if version is not None:
        found = [one for one in found if one.drafted.version == version]
    if not found:
        raise PaperError("no such agreement is on file for this case")
    signed = [one for one in reversed(found) if one.effective is not None]
    # After a withdrawal from an amendment the one before it is in force again.
    return next((one for one in signed if one.over is None), (*signed, found[-1])[0])
