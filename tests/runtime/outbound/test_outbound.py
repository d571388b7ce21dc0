"""E-mail and webhook against servers of the test: handed over, tried again, given up, sent once."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from shared.runtime.outbound import (
    Deliverer,
    EmailChannel,
    EmailSettings,
    Failure,
    Sent,
    Tries,
    UndeliverableError,
    WebhookChannel,
    is_genuine,
    signature,
)
from shared.runtime.ports import UnavailableError
from tests.runtime.outbound.support import NOW, Leave, Server, StillClock, outgoing, serving

SECRET = b"sixteen bytes or more"


@pytest.fixture(autouse=True)
def _direct(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def channel_to(kind: str, server: Server, clock: StillClock) -> Any:
    if kind == "smtp":
        return EmailChannel(EmailSettings("127.0.0.1", server.port, "desk@bank.example", "none"), clock)
    return WebhookChannel(f"http://127.0.0.1:{server.port}/hook", SECRET, clock)


async def test_an_email_arrives_whole_with_the_id_of_the_message() -> None:
    async with serving("smtp") as server:
        await channel_to("smtp", server, StillClock()).send(outgoing())
    mail = message_from_bytes(server.taken[0].removesuffix(b".\r\n"), policy=default)
    assert mail["Message-ID"] == "<M-1@bank.example>"
    assert (mail["From"], mail["To"]) == ("desk@bank.example", "li@example.org")
    assert mail["Subject"] == "您的还款方案"
    assert mail["Content-Language"] == "zh-CN"
    assert mail["Date"].datetime == NOW
    assert mail.get_content().replace("\r\n", "\n") == "您好。\n.一行以点开头\n"


async def test_a_webhook_is_signed_over_time_and_body() -> None:
    async with serving("http") as server:
        await channel_to("http", server, StillClock()).send(outgoing())
    head, body = server.heads[0], server.taken[0]
    assert head["idempotency-key"] == "M-1"
    assert json.loads(body)["body"] == outgoing().body
    stamp, given = head["parley-timestamp"], head["parley-signature"]
    assert stamp == str(int(NOW.timestamp()))
    assert is_genuine(SECRET, stamp, body, given, NOW)
    assert not is_genuine(SECRET, stamp, body + b" ", given, NOW)
    assert not is_genuine(SECRET, str(int(stamp) + 1), body, given, NOW)
    assert not is_genuine(b"another secret of ours", stamp, body, given, NOW)
    assert is_genuine(SECRET, stamp, body, given, NOW + timedelta(seconds=300))
    assert not is_genuine(SECRET, stamp, body, given, NOW + timedelta(seconds=301))
    assert not is_genuine(SECRET, "now", body, given, NOW)


def test_the_signature_is_a_fixed_known_value() -> None:
    # printf '1.{}' | openssl dgst -sha256 -hmac key
    import hashlib
    import hmac

    assert signature(b"key", "1", b"{}") == "v1=" + hmac.new(b"key", b"1.{}", hashlib.sha256).hexdigest()


LATER = [("smtp", 451), ("http", 503), ("http", 429), ("http", 401)]


@pytest.mark.parametrize(("kind", "code"), LATER)
async def test_what_is_unavailable_is_tried_again_with_longer_pauses(
    kind: str, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    clock = StillClock()
    async with serving(kind, code, code, code) as server:
        deliverer = Deliverer(channel_to(kind, server, clock), clock, Tries(backoff_most=3.0))
        assert await deliverer.deliver(outgoing(), Leave()) == Sent("M-1", 4)
    assert clock.slept == [1.0, 2.0, 3.0]
    # Said once when it began, and once when it was over.
    assert [f"{kind}_{code}" in line for line in caplog.messages] == [True, False]
    assert "li@" not in caplog.text


@pytest.mark.parametrize(("kind", "code"), [("smtp", 451), ("http", 500)])
async def test_it_is_tried_for_as_long_as_it_may_leave_and_not_once_more(kind: str, code: int) -> None:
    clock = StillClock()
    async with serving(kind, *[code] * 30) as server:
        deliverer = Deliverer(channel_to(kind, server, clock), clock)
        failure = await deliverer.deliver(outgoing(), Leave(20))
        assert server.asked == 20
        assert isinstance(failure, Failure)
        assert (failure.attempts, failure.reason) == (20, "window_passed")
        assert "li@" not in repr(failure)
        # That is not the end: whoever sends it again is not told that it was sent.
        server.codes.clear()
        assert await deliverer.deliver(outgoing(), Leave()) == Sent("M-1", 1)


async def test_what_may_not_leave_is_not_handed_over() -> None:
    clock = StillClock()
    async with serving("smtp") as server:
        failure = await Deliverer(channel_to("smtp", server, clock), clock).deliver(outgoing(), Leave(0))
    assert isinstance(failure, Failure)
    assert (server.asked, failure.attempts) == (0, 0)


async def test_whoever_waits_for_the_next_attempt_is_woken_to_be_asked_again() -> None:
    class Stopped(StillClock):
        async def sleep(self, seconds: float) -> None:
            self.slept.append(seconds)
            await asyncio.Event().wait()

    clock, leave = Stopped(), Leave(1, "not_ours")
    async with serving("smtp", 451) as server:
        deliverer = Deliverer(channel_to("smtp", server, clock), clock)
        task = asyncio.ensure_future(deliverer.deliver(outgoing(), leave))
        async with asyncio.timeout(20):
            while not clock.slept:  # noqa: ASYNC110  what is waited for is in another task
                await asyncio.sleep(0.01)
        deliverer.hurry()
        failure = await task
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.attempts) == ("not_ours", 1)


@pytest.mark.parametrize(("kind", "code"), [("smtp", 550), ("http", 400), ("http", 307)])
async def test_what_is_refused_is_not_tried_again(kind: str, code: int) -> None:
    clock = StillClock()
    async with serving(kind, code) as server:
        failure = await Deliverer(channel_to(kind, server, clock), clock).deliver(outgoing(), Leave())
    assert server.asked == 1
    assert clock.slept == []
    assert isinstance(failure, Failure)
    assert (failure.attempts, failure.reason) == (1, f"{kind}_{code}")


@pytest.mark.parametrize("kind", ["smtp", "http"])
async def test_a_server_that_is_away_is_unavailable(kind: str) -> None:
    async with serving(kind) as server:
        pass
    with pytest.raises(UnavailableError):
        await channel_to(kind, server, StillClock()).send(outgoing())


@pytest.mark.parametrize(
    ("scheme", "begins"),
    [
        pytest.param("http", b"HTTP/1.1 200 ", id="its answer"),
        pytest.param("https", b"\x16\x03\x03@\x00", id="TLS"),
    ],
)
async def test_a_server_that_answers_byte_by_byte_holds_nobody_beyond_the_deadline(
    scheme: str, begins: bytes
) -> None:
    """The time-out was for each byte: sixteen such answers, and the courier sent nothing for hours."""

    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            for byte in begins + b"O" * 600:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.05)
        writer.close()

    async with await asyncio.start_server(drip, "127.0.0.1", 0) as server:
        url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
        began = time.monotonic()
        with pytest.raises(UnavailableError, match=r"^http_"):
            await WebhookChannel(url, SECRET, StillClock(), timeout=0.5).send(outgoing())
        assert 0.4 < time.monotonic() - began < 10


@pytest.mark.parametrize("kind", ["smtp", "http"])
async def test_a_message_id_is_sent_once_also_when_asked_at_the_same_time(kind: str) -> None:
    clock = StillClock()
    async with serving(kind) as server:
        deliverer = Deliverer(channel_to(kind, server, clock), clock)
        found = await asyncio.gather(*(deliverer.deliver(outgoing(), Leave()) for _ in range(4)))
        await deliverer.deliver(outgoing(message_id="M-2"), Leave())
    assert sorted(sent.attempts for sent in found if isinstance(sent, Sent)) == [0, 0, 0, 1]
    assert len(server.taken) == 2


async def test_a_receiver_that_has_the_message_already_counts_as_sent() -> None:
    async with serving("http", 409) as server:
        clock = StillClock()
        deliverer = Deliverer(channel_to("http", server, clock), clock)
        assert await deliverer.deliver(outgoing(), Leave()) == Sent("M-1", 1)


@pytest.mark.parametrize("change", [{"to": "li@example.org\r\nBcc: x@example.org"}, {"subject": "a\nBcc: x"}])
async def test_a_header_cannot_be_smuggled_in(change: dict[str, str]) -> None:
    async with serving("smtp") as server:
        with pytest.raises(UndeliverableError, match="unusable_header"):
            await channel_to("smtp", server, StillClock()).send(outgoing(**change))
    assert server.taken == []


# What the standard library's parser answers with errors of five kinds, or writes as more than one line.
NO_ADDRESSES = (
    *("", " ", "@", "@example.org", "li@example.org.", "<li@example.org>", ";", "li", "li@", "li@["),
    *("li@@example.org", "li@example.org,wang@example.org", "(" * 5000, '"" @=?utf-8?q?=0ABcc:x?='),
    *("li@example.org=?utf-8?q?=0A?=", "li@example.org\x85", "\tli@example.org"),
)  # fmt: skip


@pytest.mark.parametrize("to", NO_ADDRESSES)
async def test_what_is_no_address_is_the_fault_of_its_message_alone(to: str) -> None:
    """It ended the courier with an error with the address in it: nobody was written to any more."""
    async with serving("smtp") as server:
        with pytest.raises(UndeliverableError, match=r"^unusable_header$"):
            await channel_to("smtp", server, StillClock()).send(outgoing(to=to))
    assert server.taken == []


@pytest.mark.parametrize("sender", NO_ADDRESSES)
def test_a_sender_that_is_no_address_is_refused_at_the_start(sender: str) -> None:
    with pytest.raises(ValueError, match=r"^sender: an address with a domain$"):
        EmailSettings("mail.example", 25, sender)


@pytest.mark.parametrize(
    "url",
    ["https://", "https:///hook", "https://bank.example/häken", "https://银行.example/",
     "https://bank.example/a b", "https://bank.example:port/", "https://bank.example:0/",
     "https://bank..example/", "https://u:p@bank.example/", "http://localhost:99999/",
     "https://" + "a" * 64 + ".example/"],
)  # fmt: skip
def test_a_web_address_that_nothing_can_be_sent_to_is_refused_at_the_start(url: str) -> None:
    """Some of them ended the courier at the first message, others made it wait for ever."""
    with pytest.raises(ValueError, match=r".") as refused:
        WebhookChannel(url, SECRET, StillClock())
    assert "u:p" not in str(refused.value)


async def test_an_address_in_letters_that_the_server_does_not_take_is_the_messages_fault() -> None:
    async with serving("smtp") as server:
        with pytest.raises(UndeliverableError, match="smtp_not_supported"):
            await channel_to("smtp", server, StillClock()).send(outgoing(to="li@例子.中国"))
    assert server.taken == []


def test_what_cannot_be_safe_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="https"):
        WebhookChannel("http://bank.example/hook", SECRET, StillClock())
    with pytest.raises(ValueError, match="secret"):
        WebhookChannel("https://bank.example/hook", b"fifteen bytes.!", StillClock())
    assert WebhookChannel("https://bank.example/hook", b"sixteen bytes..!", StillClock())
    with pytest.raises(ValueError, match="domain"):
        EmailSettings("mail.example", 25, "desk")
    with pytest.raises(ValueError, match="login"):
        EmailSettings("mail.example", 25, "desk@bank.example", "none", user="u")
    with pytest.raises(ValueError, match="message_id"):
        outgoing(message_id="a\r\nb")


def test_nothing_personal_or_secret_is_printed() -> None:
    settings = EmailSettings("h", 25, "desk@bank.example", user="u", password="hidden-word")  # noqa: S106
    shown = repr(outgoing()) + repr(settings)
    for hidden in ("li@example.org", "您", "hidden-word"):
        assert hidden not in shown
