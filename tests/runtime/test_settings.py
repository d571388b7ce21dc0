"""Settings: from the environment, checked together, and wrong ones named by variable and rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.cli.catalogue import load_all
from shared.runtime.admin import courier_rights, rights_of
from shared.runtime.clock import SystemClock
from shared.runtime.outbound import routes_of
from shared.runtime.settings import Settings, SettingsError


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields:
        monkeypatch.delenv(Settings.variable(field), raising=False)


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP", "a:1,b:2")
    monkeypatch.setenv("MONGODB_URI", "mongodb://user:pw@db:1")
    monkeypatch.setenv("PARLEY_DATABASE", "other")
    monkeypatch.setenv("PARLEY_PARTITIONS", "3")
    monkeypatch.setenv("PARLEY_POLICIES", str(tmp_path))
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318")
    settings = Settings.load()
    assert (settings.kafka_bootstrap, settings.database, settings.partitions) == ("a:1,b:2", "other", 3)
    assert settings.mongodb_uri.get_secret_value() == "mongodb://user:pw@db:1"
    assert settings.policies == tmp_path
    assert settings.otel_exporter_otlp_endpoint == "http://collector:4318"
    assert "pw" not in repr(settings)
    assert Settings.load(partitions=5).partitions == 5


def test_the_defaults_hold_together() -> None:
    settings = Settings.load()
    assert settings.partitions == 12
    assert settings.database == "parley"
    assert settings.session_seconds == 6
    assert settings.drain_seconds < settings.rebalance_seconds


@pytest.mark.parametrize(
    ("variable", "value", "rule"),
    [
        ("PARLEY_PARTITIONS", "0", "PARLEY_PARTITIONS: input should be greater than or equal to 1"),
        ("PARLEY_PARTITIONS", "many", "PARLEY_PARTITIONS: input should be a valid integer"),
        ("PARLEY_SAMPLING", "2", "PARLEY_SAMPLING: input should be less than or equal to 1"),
        ("PARLEY_DRAIN_SECONDS", "40", "PARLEY_REBALANCE_SECONDS must be longer than PARLEY_DRAIN_SECONDS"),
        ("KAFKA_SECURITY_PROTOCOL", "SASL_SSL", "needs KAFKA_USERNAME and KAFKA_PASSWORD"),
        ("KAFKA_SECURITY_PROTOCOL", "TLS", "KAFKA_SECURITY_PROTOCOL: input should be 'PLAINTEXT'"),
        ("KAFKA_SSL_CAFILE", "/nowhere.pem", "KAFKA_SSL_CAFILE names a file that does not exist"),
        ("KAFKA_SSL_CERTFILE", "/nowhere.pem", "KAFKA_SSL_CERTFILE and KAFKA_SSL_KEYFILE belong together"),
        ("PARLEY_POLICIES", "/nowhere", "PARLEY_POLICIES must name a folder that exists"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector", "OTEL_EXPORTER_OTLP_ENDPOINT: string should match"),
        ("PARLEY_DATABASE", "a.b", "PARLEY_DATABASE: string should match"),
        ("PARLEY_BATCH_LEAST", "501", "PARLEY_BATCH_LEAST must not be larger than PARLEY_BATCH_RECORDS"),
        ("PARLEY_STALL_SECONDS", "60", "PARLEY_STALL_SECONDS must be longer than PARLEY_READY_SECONDS"),
        ("PARLEY_HEALTH_PORT", "70000", "PARLEY_HEALTH_PORT: input should be less than or equal to 65535"),
        ("OTEL_METRICS_EXPORTER", "jaeger", "OTEL_METRICS_EXPORTER: input should be 'otlp' or 'none'"),
        ("PARLEY_REPLICATION", "0", "PARLEY_REPLICATION: input should be greater than or equal to 1"),
        ("PARLEY_DOCUMENT_BYTES", "20000", "PARLEY_DOCUMENT_BYTES must not be smaller"),
    ],
)
def test_what_is_wrong_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, rule: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    assert rule in str(caught.value)


def test_secrets_are_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_PASSWORD", "hunter2")
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT")
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    assert "hunter2" not in str(caught.value)


def test_more_copies_in_sync_than_there_are_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_REPLICATION", "2")
    monkeypatch.setenv("PARLEY_MIN_INSYNC", "3")
    with pytest.raises(SettingsError, match="PARLEY_MIN_INSYNC must not be larger than PARLEY_REPLICATION"):
        Settings.load()
    monkeypatch.setenv("PARLEY_MIN_INSYNC", "2")
    assert Settings.load().in_sync == 2


def test_messages_leave_only_by_a_way_that_is_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert not Settings.load().has_channels
    monkeypatch.setenv("PARLEY_WEBHOOK_URL", "https://sender.example/messages")
    with pytest.raises(SettingsError, match="PARLEY_WEBHOOK_SECRET belong together"):
        Settings.load()
    monkeypatch.setenv("PARLEY_WEBHOOK_SECRET", "sixteen bytes or more")
    with pytest.raises(SettingsError, match="PARLEY_OPT_OUT: all say them"):
        Settings.load()
    for name in ("PARLEY_PORTAL", "PARLEY_CONTACT", "PARLEY_OPT_OUT"):
        monkeypatch.setenv(name, "https://bank.example/")
    assert Settings.load().has_channels
    monkeypatch.setenv("PARLEY_SMTP_HOST", "mail.example")
    with pytest.raises(SettingsError, match="PARLEY_ADDRESS_BOOK"):
        Settings.load()
    book = tmp_path / "book.json"
    book.write_text("{}", encoding="utf-8")
    monkeypatch.setenv("PARLEY_ADDRESS_BOOK", str(book))
    monkeypatch.setenv("PARLEY_SMTP_SENDER", "desk@bank.example")
    routes = routes_of(Settings.load(), SystemClock())
    assert {channel: route.adapter.name for channel, route in routes.items()} == {
        "email": "email", "app": "webhook", "sms": "webhook", "letter": "webhook",
    }  # fmt: skip


def test_notice_is_among_all_only_where_it_is_asked_for() -> None:
    plain = [service.name for service in load_all()]
    assert "notice" not in plain
    assert [service.name for service in load_all(optional=True)] == [*plain, "notice"]
    assert [service.name for service in load_all("notice")] == ["notice"]
    written = {right.name for right in rights_of(load_all(optional=True)) if right.operation == "Write"}
    assert {"notice.events", "notice.dead-letter", "desk.events"} <= written
    assert {right.name for right in courier_rights()} == {"parley.courier", "courier.dead-letter"}
