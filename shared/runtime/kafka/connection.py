"""How to connect to Kafka, and what is wrong when it does not work: a refused login is not an outage."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from shared.runtime.kafka import closed, lenient
from shared.runtime.ports import FatalError, PortError, UnavailableError
from shared.runtime.settings import Settings

lenient.install()
closed.install()

__all__ = ["connection_options", "explain", "probe", "security_of", "servers"]

_MECHANISMS = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}

_REFUSED = (ClusterAuthorizationFailedError, GroupAuthorizationFailedError, TopicAuthorizationFailedError)


def servers(settings: Settings) -> list[str]:
    """Give the bootstrap addresses."""
    return [address.strip() for address in settings.kafka_bootstrap.split(",") if address.strip()]


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if not settings.kafka_security_protocol.endswith("SSL"):
        return None
    try:
        context = ssl.create_default_context(cafile=settings.kafka_ssl_cafile)
        if settings.kafka_ssl_certfile is not None:
            context.load_cert_chain(settings.kafka_ssl_certfile, settings.kafka_ssl_keyfile)
    except (ssl.SSLError, OSError) as error:
        raise FatalError(f"KAFKA_SSL_*: the certificate files cannot be read ({error.strerror})") from error
    return context


def security_of(settings: Settings) -> BaseSecurity | None:
    """Give FastStream's description of the login."""
    context = _tls(settings)
    if not settings.kafka_security_protocol.startswith("SASL"):
        return BaseSecurity(ssl_context=context) if context else None
    password = settings.kafka_password.get_secret_value() if settings.kafka_password else ""
    return _MECHANISMS[settings.kafka_sasl_mechanism](
        username=settings.kafka_username or "",
        password=password,
        ssl_context=context,
        use_ssl=context is not None,
    )


def connection_options(settings: Settings) -> dict[str, Any]:
    """Give aiokafka's own connection arguments (for its admin client and bare consumers)."""
    options: dict[str, Any] = {
        "bootstrap_servers": servers(settings),
        "security_protocol": settings.kafka_security_protocol,
    }
    context = _tls(settings)
    if context is not None:
        options["ssl_context"] = context
    if settings.kafka_security_protocol.startswith("SASL"):
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_username
        options["sasl_plain_password"] = (
            settings.kafka_password.get_secret_value() if settings.kafka_password else None
        )
    return options


def explain(error: BaseException, doing: str) -> PortError:
    """Turn a client's error into the port's: a missing right is fatal, all else an outage."""
    if isinstance(error, PortError):
        return error
    if isinstance(error, _REFUSED):
        return FatalError(
            f"Kafka does not allow this user to {doing} ({type(error).__name__}): ask for the ACL"
        )
    return UnavailableError(f"Kafka: cannot {doing} ({type(error).__name__})")


async def probe(settings: Settings, timeout: float = 5.0) -> None:
    """Reach one broker and log in. Raises UnavailableError or, if it was refused, FatalError.

    aiokafka itself reports both as "unable to bootstrap".
    """
    options = connection_options(settings)
    options.pop("bootstrap_servers")
    last: PortError = UnavailableError("KAFKA_BOOTSTRAP names no server")
    for address in servers(settings):
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit():
            raise FatalError(f"KAFKA_BOOTSTRAP: {address!r} is not host:port")
        try:
            async with asyncio.timeout(timeout):
                connection = await create_conn(
                    host.strip("[]"), int(port), client_id="parley-probe", request_timeout_ms=5000, **options
                )
        except (AuthenticationFailedError, SaslAuthenticationFailed, UnsupportedSaslMechanismError) as error:
            raise FatalError(
                f"Kafka at {address} refuses the login of user {settings.kafka_username!r} with "
                f"{settings.kafka_sasl_mechanism}: check KAFKA_USERNAME, KAFKA_PASSWORD, KAFKA_SASL_MECHANISM"
            ) from error
        except ssl.SSLError as error:
            raise FatalError(
                f"Kafka at {address}: the TLS handshake failed ({error.reason}); check KAFKA_SSL_CAFILE "
                "and KAFKA_SECURITY_PROTOCOL"
            ) from error
        except (OSError, TimeoutError, KafkaError) as error:
            last = UnavailableError(f"Kafka at {address} cannot be reached ({type(error).__name__})")
        else:
            try:
                async with asyncio.timeout(timeout):
                    await connection.send(MetadataRequest([]))
            except (OSError, TimeoutError, KafkaError) as error:
                last = UnavailableError(
                    f"Kafka at {address} hangs up ({type(error).__name__}): does KAFKA_SECURITY_PROTOCOL="
                    f"{settings.kafka_security_protocol} fit its listener?"
                )
            else:
                return
            finally:
                connection.close()
    raise last
