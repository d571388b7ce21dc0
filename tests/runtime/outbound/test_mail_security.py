"""STARTTLS and login against a mail server with a certificate of its own authority."""

from __future__ import annotations

import asyncio
import json
import ssl
from pathlib import Path

import pytest

from deploy.embedded.certificates import Authority
from shared.runtime.outbound import EmailChannel, EmailSettings, Outgoing, UndeliverableError, routes_of
from shared.runtime.ports import FatalError, UnavailableError
from shared.runtime.settings import Settings
from tests.runtime.outbound.mail_server import LOOPBACK, MailServer, authority_file, context_of, mail_server
from tests.runtime.outbound.support import StillClock, outgoing

PASSWORD = "hidden-word"  # noqa: S105


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.create("a bank's own")


@pytest.fixture
def server(authority: Authority, tmp_path: Path) -> MailServer:
    return MailServer(tls=context_of(authority, tmp_path), login=("desk", PASSWORD))


async def send(
    server: MailServer, authority: Path | None, message: Outgoing | None = None, **other: str
) -> None:
    given = {"user": "desk", "password": PASSWORD, "security": "starttls", **other}
    settings = EmailSettings(LOOPBACK, server.port, "desk@bank.example", authority=authority, **given)  # type: ignore[arg-type]
    await EmailChannel(settings, StillClock()).send(message or outgoing())


async def test_a_certificate_of_the_named_authority_is_accepted_and_the_login_is_made_under_it(
    server: MailServer, authority: Authority, tmp_path: Path
) -> None:
    async with mail_server(server):
        await send(server, authority_file(authority, tmp_path))
    assert server.secured == 1
    assert [mail["Message-ID"] for mail in server.mails] == ["<M-1@bank.example>"]
    assert {line.split()[0].upper() for line in server.in_the_clear} == {b"EHLO", b"STARTTLS"}


@pytest.mark.parametrize("trusted", ["another's", "the system's"])
async def test_any_other_certificate_is_refused_before_anything_is_said(
    server: MailServer, tmp_path: Path, trusted: str
) -> None:
    other = authority_file(Authority.create("another"), tmp_path) if trusted == "another's" else None
    async with mail_server(server):
        with pytest.raises(UnavailableError, match=r"^smtp_certificate: .*refused \(.+\).*PARLEY_SMTP_CA"):
            await send(server, other)
    assert server.taken == []
    assert {line.split()[0].upper() for line in server.in_the_clear} <= {b"EHLO", b"STARTTLS", b"QUIT"}


async def test_a_certificate_for_another_host_is_refused(authority: Authority, tmp_path: Path) -> None:
    pem = tmp_path / "other.pem"
    pem.write_bytes(authority.issue("mail", hosts=["mail.example"]))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    async with mail_server(MailServer(tls=context, login=("desk", PASSWORD))) as server:
        with pytest.raises(UnavailableError, match=r"smtp_certificate: .*not valid for"):
            await send(server, authority_file(authority, tmp_path))


async def test_a_login_that_is_refused_is_the_settings_fault_and_its_words_are_not_repeated(
    server: MailServer, authority: Authority, tmp_path: Path
) -> None:
    trust = authority_file(authority, tmp_path)
    async with mail_server(server):
        with pytest.raises(UnavailableError, match=r"smtp_login_535: .*PARLEY_SMTP_PASSWORD") as caught:
            await send(server, trust, password="another-word")  # noqa: S106
        assert "another-word" not in str(caught.value)
        assert "who are you" not in str(caught.value)
        with pytest.raises(UnavailableError, match="smtp_sender_530"):
            await send(server, trust, user=None)  # type: ignore[arg-type]
    assert server.taken == []


async def test_a_server_without_starttls_gets_neither_password_nor_mail() -> None:
    async with mail_server(MailServer(login=("desk", PASSWORD))) as server:
        with pytest.raises(UnavailableError, match="no STARTTLS"):
            await send(server, None)
    assert server.taken == []
    assert b"AUTH" not in b"".join(server.in_the_clear)


async def test_a_recipient_that_is_refused_for_good_is_the_messages_fault(
    server: MailServer, authority: Authority, tmp_path: Path
) -> None:
    server.codes = [550, 451]
    trust = authority_file(authority, tmp_path)
    async with mail_server(server):
        with pytest.raises(UndeliverableError, match=r"^smtp_550$"):
            await send(server, trust)
        with pytest.raises(UnavailableError, match=r"^smtp_451$"):
            await send(server, trust)


def test_the_authority_comes_from_the_settings_and_a_file_that_holds_none_ends_the_start(
    tmp_path: Path, authority: Authority
) -> None:
    book = tmp_path / "book.json"
    book.write_text(json.dumps({}), encoding="utf-8")
    given = {"smtp_host": "mail.example", "smtp_sender": "desk@bank.example", "address_book": book}
    said = {"portal": "p", "contact_line": "c", "opt_out_line": "o"}
    good = Settings.load(**given, **said, smtp_ca=authority_file(authority, tmp_path))
    assert set(routes_of(good, StillClock())) == {"email"}
    bad = Settings.load(**given, **said, smtp_ca=book)
    with pytest.raises(FatalError, match="PARLEY_SMTP_CA"):
        routes_of(bad, StillClock())


async def test_many_are_handed_over_at_once(server: MailServer, authority: Authority, tmp_path: Path) -> None:
    trust = authority_file(authority, tmp_path)
    async with mail_server(server):
        await asyncio.gather(*(send(server, trust, outgoing(message_id=f"M-{n}")) for n in range(8)))
    assert len({mail["Message-ID"] for mail in server.mails}) == 8


async def test_a_server_that_speaks_tls_from_the_first_byte_is_spoken_to_like_that(
    authority: Authority, tmp_path: Path
) -> None:
    server = MailServer(login=("desk", PASSWORD))
    context, trust = context_of(authority, tmp_path), authority_file(authority, tmp_path)
    listening = await asyncio.start_server(server.talk, LOOPBACK, 0, ssl=context)
    server.port = listening.sockets[0].getsockname()[1]
    async with listening:
        await send(server, trust, security="tls")
        with pytest.raises(UnavailableError, match="smtp_certificate"):
            await send(server, None, security="tls")
    assert [mail["Message-ID"] for mail in server.mails] == ["<M-1@bank.example>"]
