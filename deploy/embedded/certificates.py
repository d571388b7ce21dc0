"""A certificate authority for one cluster on loopback: X.509 (RFC 5280) in PEM, as Kafka and OpenSSL read it.

For a cluster of one's own machine. A bank's cluster has the bank's certificates; nothing here touches them.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from deploy.embedded.ports import LOOPBACK

_AUTHORITY_DAYS = 3650
_NODE_DAYS = 397  # issued anew at every start
_SLACK = timedelta(hours=1)  # a clock that was set back must not make a new certificate invalid
HOSTS = ("localhost", LOOPBACK)


@dataclass(frozen=True, slots=True)
class Authority:
    """A self-signed certificate and its key, which sign others."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def create(cls, name: str) -> Self:
        """Make a new one."""
        key, subject, now = ec.generate_private_key(ec.SECP256R1()), _name(name), datetime.now(UTC)
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        certificate = (
            _builder(subject, subject, key.public_key(), now - _SLACK, now + timedelta(days=_AUTHORITY_DAYS))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        return cls(certificate, key)

    @classmethod
    def load(cls, certificate: Path, key: Path) -> Self:
        """Read one that was saved. Raises OSError or ValueError."""
        private = serialization.load_pem_private_key(key.read_bytes(), None)
        if not isinstance(private, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{key.name} is not a key of an elliptic curve")
        return cls(x509.load_pem_x509_certificate(certificate.read_bytes()), private)

    def save(self, certificate: Path, key: Path) -> None:
        """Write both; the key for its owner's eyes only, and first: a certificate without it is of no use."""
        write_secret(key, _key_pem(self.key))
        certificate.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def issue(
        self,
        name: str,
        *,
        hosts: Iterable[str] = HOSTS,
        starts: datetime | None = None,
        ends: datetime | None = None,
    ) -> bytes:
        """Give a key and its certificate for `hosts` as one PEM text, for servers and for clients."""
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        certificate = (
            _builder(
                _name(name),
                self.certificate.subject,
                key.public_key(),
                starts or now - _SLACK,
                ends or now + timedelta(days=_NODE_DAYS),
            )
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False)
            .add_extension(usages, critical=False)
            .add_extension(issuer, critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return _key_pem(key) + certificate.public_bytes(serialization.Encoding.PEM)


def write_secret(path: Path, content: bytes) -> None:
    """Replace a file that only its owner may read, in one step."""
    aside = path.with_name(f".{path.name}.new")
    aside.unlink(missing_ok=True)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    starts: datetime,
    ends: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(starts)
        .not_valid_after(ends)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
