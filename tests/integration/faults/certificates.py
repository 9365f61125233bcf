"""Certificates for a server on this machine: right ones, and ones with which a client must not connect."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

__all__ = ("CLIENT", "RIGHT_HOST", "WRONG_HOST", "Certificates", "Pair")

RIGHT_HOST = "localhost"
"""The name in the certificates."""
WRONG_HOST = "127.0.0.1"
"""The same machine by a name that stands in no certificate."""
CLIENT = "certified"
"""The role that the client's certificate is for."""

_DAY = datetime.timedelta(days=1)


class Pair(NamedTuple):
    """Files of a certificate and its key."""

    certificate: Path
    key: Path


class Certificates:
    """Files of certificates, made anew.

    Attributes:
        authority: File of the authority that clients trust.
        stranger: File of another authority, which has certified nothing here.
        good: For `RIGHT_HOST`.
        expired: For `RIGHT_HOST`, until yesterday.
        unknown: For `RIGHT_HOST`, by an authority whose certificate nobody has.
        client: For the role `CLIENT`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        trusted, other, hidden = (_authority(name) for name in ("trusted", "other", "hidden"))
        self.authority = self._write("authority", trusted[0])
        self.stranger = self._write("stranger", other[0])
        self.good = self._pair("good", trusted, RIGHT_HOST)
        self.expired = self._pair("expired", trusted, RIGHT_HOST, until=-_DAY)
        self.unknown = self._pair("unknown", hidden, RIGHT_HOST)
        self.client = self._pair("client", trusted, CLIENT)

    def _write(self, name: str, certificate: x509.Certificate) -> Path:
        path = self._folder / f"{name}.crt"
        path.write_bytes(certificate.public_bytes(Encoding.PEM))
        return path

    def _pair(
        self, name: str, issuer: tuple[x509.Certificate, Any], host: str, until: datetime.timedelta = _DAY
    ) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        authority, signing_key = issuer
        builder = _builder(host, authority.subject, key, until).add_extension(
            x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False
        )
        path = self._folder / f"{name}.key"
        path.touch(0o600)
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return Pair(self._write(name, builder.sign(signing_key, hashes.SHA256())), path)


def _authority(name: str) -> tuple[x509.Certificate, Any]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(f"authority {name}")
    builder = _builder(f"authority {name}", subject, key, _DAY).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    return builder.sign(key, hashes.SHA256()), key


def _builder(name: str, issuer: x509.Name, key: Any, until: datetime.timedelta) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(_name(name)).issuer_name(issuer)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - 2 * _DAY).not_valid_after(now + until)


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
