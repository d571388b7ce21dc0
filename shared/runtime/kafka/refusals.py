"""What is wrong when Kafka does not do what it is asked: a refusal is not an outage.

An outage passes, so it is waited for. A refused login, a missing right, a certificate that has expired, is of
another authority or of another host are mended by people: they end the process, each with a sentence of its
own that says what to look at. aiokafka calls all but the missing right "unable to bootstrap", so `probe` logs
in by itself before anything else does, and `diagnose` looks again when something went wrong later.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Collection
from typing import Any, Final, Literal

from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from shared.runtime.kafka.connection import connection_options, servers
from shared.runtime.ports import FatalError, PortError, UnavailableError
from shared.runtime.settings import Settings

__all__ = ["Operation", "diagnose", "explain", "probe"]

Operation = Literal["Alter", "Create", "Describe", "DescribeConfigs", "Read", "Write"]

_RESOURCES: Final = {
    ClusterAuthorizationFailedError: "cluster",
    GroupAuthorizationFailedError: "group",
    TopicAuthorizationFailedError: "topic",
}
# RFC 5280 path validation as OpenSSL reports it (X509_V_ERR_…).
_NOT_YET_VALID, _EXPIRED = 9, 10
_UNKNOWN_AUTHORITY: Final = frozenset({2, 18, 19, 20, 21})
_OTHER_HOST: Final = frozenset({62, 64})
# The other side's alert about the certificate that we showed, or did not show (RFC 8446, section 6.2).
_OURS: Final = ("ALERT_CERTIFICATE_", "ALERT_BAD_CERTIFICATE", "ALERT_UNKNOWN_CA", "ALERT_UNSUPPORTED_CERT")
_NOT_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"})


def explain(
    error: BaseException, doing: str, settings: Settings | None = None, needs: Operation = "Read"
) -> PortError:
    """Turn a client's error into the port's: a missing right is fatal, all else an outage.

    `needs` is the right that `doing` needs on the topic or group that Kafka names.
    """
    if isinstance(error, PortError):
        return error
    refusal = _refusal(error)
    if refusal is None:
        return UnavailableError(f"Kafka: cannot {doing} ({type(error).__name__})")
    kind = _RESOURCES[type(refusal)]
    names = _names(refusal)
    where = f"{kind} {names}" if names else kind
    user = f"user {settings.kafka_username!r}" if settings and settings.kafka_username else "this user"
    return FatalError(
        f"Kafka does not allow {user} to {doing} ({type(refusal).__name__}): ask for the ACL {needs} on "
        f"{where}"
    )


def _refusal(error: BaseException | None) -> KafkaError | None:
    """Find what refuses: aiokafka wraps what goes wrong in a group in an error without a kind."""
    while error is not None:
        if type(error) in _RESOURCES:
            return error
        error = error.__cause__ or error.__context__
    return None


def _names(refusal: KafkaError) -> str:
    found = refusal.args[0] if refusal.args else ""
    if isinstance(found, str):
        return found
    return ", ".join(sorted(map(str, found))) if isinstance(found, Collection) else ""


async def diagnose(
    settings: Settings, error: BaseException, doing: str, needs: Operation = "Read"
) -> PortError:
    """`explain`, but when it looks like an outage on a secured cluster, look whether a broker refuses us."""
    found = explain(error, doing, settings, needs)
    if isinstance(found, UnavailableError) and settings.kafka_security_protocol != "PLAINTEXT":
        try:
            await probe(settings, every=True)
        except FatalError as refused:
            return refused
        except UnavailableError:
            pass
    return found


async def probe(settings: Settings, timeout: float = 5.0, *, every: bool = False) -> None:
    """Reach one broker and log in. Raises UnavailableError or, if it was refused, FatalError.

    One of the addresses is enough: a broker that is being replaced may refuse for itself. With `every`,
    each broker of the cluster is asked, and the first refusal counts; those that are away do not.
    """
    problems: list[PortError] = []
    reached: set[str] = set()
    others: set[str] = set()
    for address in servers(settings):
        try:
            others |= await _reach(settings, address, timeout)
            reached.add(address)
            if not every:
                return
        except PortError as problem:
            problems.append(problem)
    for address in sorted(others - set(servers(settings))):
        try:
            await _reach(settings, address, timeout)
        except PortError as problem:
            problems.append(problem)
    refused = [problem for problem in problems if isinstance(problem, FatalError)]
    if refused and (every or not reached):
        raise refused[0]
    if not reached:
        raise problems[-1] if problems else UnavailableError("KAFKA_BOOTSTRAP names no server")


async def _reach(settings: Settings, address: str, timeout: float) -> set[str]:
    """Log in at one broker and ask it for the others; their addresses."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise FatalError(f"KAFKA_BOOTSTRAP: {address!r} is not host:port")
    options = connection_options(settings)
    options.pop("bootstrap_servers")
    try:
        async with asyncio.timeout(timeout):
            connection = await create_conn(
                host.strip("[]"), int(port), client_id="parley-probe", request_timeout_ms=5000, **options
            )
    except (KafkaError, OSError, TimeoutError) as error:
        raise _connecting(settings, address, error) from error
    try:
        async with asyncio.timeout(timeout):
            answer = await connection.send(MetadataRequest([]))
    except (KafkaError, OSError, TimeoutError) as error:
        raise _hung_up(settings, address, error) from error
    finally:
        connection.close()
    return {f"{broker[1]}:{broker[2]}" for broker in answer.brokers}


def _connecting(settings: Settings, address: str, error: BaseException) -> PortError:
    """Say why no connection came about."""
    if isinstance(error, UnsupportedSaslMechanismError | IllegalSaslStateError):
        return FatalError(
            f"Kafka at {address} takes no login with {settings.kafka_sasl_mechanism}: check "
            "KAFKA_SASL_MECHANISM and KAFKA_SECURITY_PROTOCOL"
        )
    if isinstance(error, AuthenticationFailedError | SaslAuthenticationFailed):
        return FatalError(
            f"Kafka at {address} refuses the login of user {settings.kafka_username!r} with "
            f"{settings.kafka_sasl_mechanism}: check KAFKA_USERNAME, KAFKA_PASSWORD, KAFKA_SASL_MECHANISM"
        )
    tls = _tls_error(error)
    if tls is not None:
        return _handshake(address, tls)
    if isinstance(error, KafkaError | ssl.SSLError | ConnectionResetError):
        return _hung_up(settings, address, error)
    return UnavailableError(f"Kafka at {address} cannot be reached ({type(error).__name__})")


def _tls_error(error: BaseException | None) -> ssl.SSLError | None:
    """Find what TLS itself refused; a connection that broke in mid-handshake is an outage."""
    broken = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
    while error is not None:
        if isinstance(error, ssl.SSLError) and not isinstance(error, broken):
            return error
        error = error.__cause__ or error.__context__
    return None


def _handshake(address: str, error: ssl.SSLError) -> FatalError:
    """Say what was wrong with which certificate."""
    code: Any = getattr(error, "verify_code", None)
    reason = error.reason or ""
    whose = f"Kafka at {address}: the broker's certificate"
    if code == _EXPIRED:
        return FatalError(f"{whose} has expired: have it renewed (or correct this machine's clock)")
    if code == _NOT_YET_VALID:
        return FatalError(f"{whose} is not valid yet: check this machine's clock")
    if code in _OTHER_HOST:
        return FatalError(
            f"{whose} is of another host: use a name that stands in it, in KAFKA_BOOTSTRAP and in the "
            "broker's advertised.listeners, or have it issued for this one"
        )
    if code in _UNKNOWN_AUTHORITY:
        return FatalError(
            f"{whose} is signed by an authority that is unknown here: name the right one's PEM file in "
            "KAFKA_SSL_CAFILE"
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        return FatalError(f"{whose} is refused: {error.verify_message}")
    if any(mark in reason for mark in _OURS):
        return FatalError(
            f"Kafka at {address} refuses this client's certificate ({reason}): check KAFKA_SSL_CERTFILE and "
            "KAFKA_SSL_KEYFILE"
        )
    if reason in _NOT_TLS:
        return FatalError(f"Kafka at {address} does not speak TLS there: check KAFKA_SECURITY_PROTOCOL")
    return FatalError(
        f"Kafka at {address}: the TLS handshake failed ({reason}); check KAFKA_SSL_CAFILE and "
        "KAFKA_SECURITY_PROTOCOL"
    )


def _hung_up(settings: Settings, address: str, error: BaseException) -> PortError:
    """A broker that closes the connection instead of answering; it may be of another protocol."""
    tls = _tls_error(error)
    if tls is not None:  # with TLS 1.3 the refusal of our certificate comes after the handshake
        return _handshake(address, tls)
    return UnavailableError(
        f"Kafka at {address} hangs up ({type(error).__name__}): does KAFKA_SECURITY_PROTOCOL="
        f"{settings.kafka_security_protocol} fit its listener?"
    )
