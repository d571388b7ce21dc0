"""How to connect to Kafka, as the settings say."""

from __future__ import annotations

import ssl
from typing import Any

from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from shared.runtime.kafka import closed, lenient
from shared.runtime.ports import FatalError
from shared.runtime.settings import Settings

lenient.install()
closed.install()

__all__ = ["connection_options", "security_of", "servers"]

_MECHANISMS = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}


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
