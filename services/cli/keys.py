"""`parley keys`: the lender's Ed25519 key, with which agreements are signed and files are sealed."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from services.cli.common import DataDir, data_dir, fail, guarded, stderr, stdout

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from services.agreement.paper.layout import Agreement
    from shared.contracts import desk
    from shared.contracts.envelope import Envelope
    from shared.runtime.settings import Settings

__all__ = ["KEY_VARIABLE", "app", "lender_signature", "private_key", "public_key"]

KEY_VARIABLE: Final = "PARLEY_LENDER_KEY"
"""Names the file of the lender's private key."""

_EVIDENCE: Final = 200  # characters of a reference, as SignatureGiven takes them

app = typer.Typer(
    help="The lender's key: make one, show its public half, sign a draft with it.", no_args_is_help=True
)


@app.command()
def new(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Where to write the private key, e.g. lender.key.")
    ],
) -> None:
    """Make an Ed25519 key: the private half in FILE, for its owner alone, the public half beside it in .pub.

    An existing file is never replaced: what was signed with a lost key can be checked, but nothing signed.
    """
    from shared.crypto.signing import new_key_pair

    public_file = file.with_suffix(".pub")
    if public_file == file:
        raise fail("FILE: is the name of the public half; name the private one, e.g. lender.key.", code=2)
    for path in (file, public_file):
        if path.exists():
            raise fail(f"{path} exists and is left as it is.", "Name another file.")
    private, public = new_key_pair()
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(private)
        public_file.write_bytes(public)
    except OSError as error:
        raise fail(f"{file}: cannot be written ({error.strerror})") from None
    _show(public_key(public_file), public_file)


@app.command()
def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A private or a public key.")],
) -> None:
    """Print a key's id, and its public half as lender-keys.toml names it."""
    _show(public_key(file), file)


@app.command()
def sign(
    case_id: Annotated[str, typer.Argument(metavar="CASE", help="A case id, or its first characters.")],
    key: Annotated[Path, typer.Option("--key", envvar=KEY_VARIABLE, help="The lender's private key.")],
    day: Annotated[
        datetime, typer.Option("--day", formats=["%Y-%m-%d"], help="The business day of the signature.")
    ],
    by: Annotated[str, typer.Option("--by", help="A reference to who signs, e.g. a staff certificate.")],
    data: DataDir = None,
) -> None:
    """Sign the latest draft of a case for the lender, and say so on desk.events.

    The signature is Ed25519 over the draft's canonical content. The platform checks it with the public keys
    of lender-keys.toml beside the policy packs; it never sees the private one. A key that this file does not
    name is refused here; where there is no such file the platform takes any, and that is said. Signing again
    doubles nothing.
    """
    from services.agreement.paper.filed import agreements_of
    from services.agreement.paper.layout import PaperError
    from services.cli.door import open_publisher
    from services.cli.reading import not_found, with_database
    from services.console.reads import find_case, story_of
    from shared.policy.reference import LENDER_KEYS_FILE

    if not 1 <= len(by.strip()) <= _EVIDENCE or not by.isprintable():
        raise fail(f"--by: must be 1 to {_EVIDENCE} printable characters.", code=2)
    lender = private_key(key)
    listed = _is_listed(lender)

    async def read(settings: Settings) -> tuple[str, str, list[dict[str, Any]]]:
        found, customer, archived = await find_case(settings, case_id)
        return found, customer, await story_of(settings, customer, archived)

    try:
        case, customer, entries = with_database(data_dir(data), read)
        drafts = [one for one in agreements_of(entries, case, customer) if one.effective is None]
    except LookupError as error:
        raise not_found(error) from None
    except PaperError as error:
        raise fail(f"{error}.") from None
    if not drafts:
        raise fail("No draft of this case waits for a signature.")
    said = lender_signature(drafts[-1], lender, day.date(), by)

    async def publish() -> None:
        async with open_publisher(data) as publisher:
            await publisher.send(said)

    guarded(publish)
    stdout.print(f"signed for the lender: {said.data.content_hash}", markup=False, highlight=False)
    if not listed:
        stderr.print(
            f"No {LENDER_KEYS_FILE} stands beside the policy packs: the platform keeps this as a reference, "
            "and would take any key's. `parley keys show` prints the line to put there.",
            style="yellow", markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip


def _is_listed(key: Ed25519PrivateKey) -> bool:
    """Whether a key is one that the lender's signatures are checked with; False where there are none.

    Another key than those ends the command: what it signs would be refused.
    """
    from services.agreement.keys import raw_public
    from services.cli.catalogue import policies_dir
    from shared.policy.loader import PolicyError
    from shared.policy.reference import LENDER_KEYS_FILE, load_lender_keys
    from shared.runtime.settings import Settings, SettingsError

    try:
        file = policies_dir(Settings.load().policies) / LENDER_KEYS_FILE
        listed = load_lender_keys(file)
    except (SettingsError, PolicyError) as error:
        raise fail(str(error), code=2) from None
    if listed and raw_public(key) not in listed:
        raise fail(f"--key: is none of the lender's, which {file} names.", "Nothing was signed.", code=2)
    return bool(listed)


def lender_signature(
    draft: Agreement, key: Ed25519PrivateKey, day: date, by: str
) -> Envelope[desk.SignatureGiven]:
    """Give the lender's acceptance of a draft; the same draft and key always give the same id."""
    from services.agreement.document import canonical_content
    from services.agreement.keys import key_id_of, raw_public, sign_with
    from shared.contracts import desk
    from shared.contracts.envelope import Envelope
    from shared.contracts.ids import derive_id

    drafted, key_id = draft.drafted, key_id_of(raw_public(key))
    given = desk.SignatureGiven(
        agreement_id=drafted.agreement_id,
        version=drafted.version,
        content_hash=drafted.content_hash,
        party=desk.SignatureParty.LENDER,
        channel="console",
        evidence=by,
        key_id=key_id,
        signature=sign_with(key, canonical_content(drafted, draft.case)),
    )
    return Envelope(
        id=derive_id("lender-signature", drafted.content_hash, key_id),
        source="/parley/lender",
        time=datetime.combine(day, time(12), UTC),
        key=draft.customer,
        data=given,
        subject=draft.case,
    )


def _show(raw: bytes, file: Path) -> None:
    from services.agreement.keys import key_id_of

    stdout.print(f"key {key_id_of(raw)} in {file}", markup=False, highlight=False, soft_wrap=True)
    stdout.print(f'public_keys = ["{raw.hex()}"]', markup=False, highlight=False, soft_wrap=True)


def private_key(file: Path) -> Ed25519PrivateKey:
    """Read a private key (PEM, PKCS 8, unencrypted); ends the command where there is none."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(_read(file), None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise fail(f"{file}: is not an Ed25519 private key in PEM.", "`parley keys new` makes one.", code=2)
    return key


def public_key(file: Path) -> bytes:
    """Read the raw public key of a .pub file, or of a private key; ends the command where there is none."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

    raw = _read(file)
    for load in (load_pem_public_key, lambda pem: load_pem_private_key(pem, None)):
        try:
            key = load(raw)
        except (ValueError, TypeError):
            continue
        if isinstance(key, Ed25519PublicKey):
            return key.public_bytes_raw()
        if isinstance(key, Ed25519PrivateKey):
            return key.public_key().public_bytes_raw()
    raise fail(f"{file}: is not an Ed25519 key in PEM.", "`parley keys new` makes one.", code=2)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise fail(f"{file}: cannot be read ({error.strerror})", code=2) from None
