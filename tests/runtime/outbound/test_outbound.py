"""E-mail and webhook against servers of the test: handed over, tried again, given up, sent once."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from shared.runtime.outbound import (
    Deliverer,
    EmailChannel,
    EmailSettings,
    Sent,
    Tries,
    UndeliverableError,
    WebhookChannel,
    is_genuine,
    signature,
)
from shared.runtime.ports import UnavailableError
from tests.runtime.outbound.support import NOW, Records, Server, StillClock, outgoing, serving

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


@pytest.mark.parametrize(("kind", "code"), [("smtp", 451), ("http", 503), ("http", 429)])
async def test_what_is_unavailable_is_tried_again_with_longer_pauses(kind: str, code: int) -> None:
    clock, records = StillClock(), Records()
    async with serving(kind, code, code, code) as server:
        deliverer = Deliverer(channel_to(kind, server, clock), clock, records, Tries(backoff_most=3.0))
        assert await deliverer.deliver(outgoing()) == Sent("M-1", 4)
    assert clock.slept == [1.0, 2.0, 3.0]
    assert records.kept == []


@pytest.mark.parametrize(("kind", "code"), [("smtp", 451), ("http", 500)])
async def test_after_the_last_try_a_record_is_kept_without_anybodys_data(kind: str, code: int) -> None:
    clock, records = StillClock(), Records()
    async with serving(kind, code, code, code) as server:
        deliverer = Deliverer(channel_to(kind, server, clock), clock, records, Tries(attempts=3))
        failure = await deliverer.deliver(outgoing())
        assert server.asked == 3
        assert records.kept == [failure]
        shown = repr(failure)
        assert "attempts=3" in shown
        assert str(code) in records.kept[0].reason
        assert "li@" not in shown
        # A record is not the end: whoever sends it again is not told that it was sent.
        assert await deliverer.deliver(outgoing()) == Sent("M-1", 1)


@pytest.mark.parametrize(("kind", "code"), [("smtp", 550), ("http", 400), ("http", 307)])
async def test_what_is_refused_is_not_tried_again(kind: str, code: int) -> None:
    clock, records = StillClock(), Records()
    async with serving(kind, code) as server:
        await Deliverer(channel_to(kind, server, clock), clock, records).deliver(outgoing())
    assert server.asked == 1
    assert clock.slept == []
    assert [(record.attempts, record.reason) for record in records.kept] == [(1, f"{kind}_{code}")]


@pytest.mark.parametrize("kind", ["smtp", "http"])
async def test_a_server_that_is_away_is_unavailable(kind: str) -> None:
    async with serving(kind) as server:
        pass
    with pytest.raises(UnavailableError):
        await channel_to(kind, server, StillClock()).send(outgoing())


@pytest.mark.parametrize("kind", ["smtp", "http"])
async def test_a_message_id_is_sent_once_also_when_asked_at_the_same_time(kind: str) -> None:
    clock = StillClock()
    async with serving(kind) as server:
        deliverer = Deliverer(channel_to(kind, server, clock), clock, Records())
        found = await asyncio.gather(*(deliverer.deliver(outgoing()) for _ in range(4)))
        await deliverer.deliver(outgoing(message_id="M-2"))
    assert sorted(sent.attempts for sent in found if isinstance(sent, Sent)) == [0, 0, 0, 1]
    assert len(server.taken) == 2


async def test_a_receiver_that_has_the_message_already_counts_as_sent() -> None:
    async with serving("http", 409) as server:
        clock = StillClock()
        deliverer = Deliverer(channel_to("http", server, clock), clock, Records())
        assert await deliverer.deliver(outgoing()) == Sent("M-1", 1)


@pytest.mark.parametrize("change", [{"to": "li@example.org\r\nBcc: x@example.org"}, {"subject": "a\nBcc: x"}])
async def test_a_header_cannot_be_smuggled_in(change: dict[str, str]) -> None:
    async with serving("smtp") as server:
        with pytest.raises(UndeliverableError, match="unusable_header"):
            await channel_to("smtp", server, StillClock()).send(outgoing(**change))
    assert server.taken == []


def test_what_cannot_be_safe_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="https"):
        WebhookChannel("http://bank.example/hook", SECRET, StillClock())
    with pytest.raises(ValueError, match="secret"):
        WebhookChannel("https://bank.example/hook", b"short", StillClock())
    with pytest.raises(ValueError, match="message_id"):
        outgoing(message_id="a\r\nb")


def test_nothing_personal_or_secret_is_printed() -> None:
    settings = EmailSettings("h", 25, "desk@bank.example", user="u", password="hidden-word")  # noqa: S106
    shown = repr(outgoing()) + repr(settings)
    for hidden in ("li@example.org", "您", "hidden-word"):
        assert hidden not in shown
