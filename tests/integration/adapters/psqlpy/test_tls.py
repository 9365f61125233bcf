"""TLS, in front of a server that has none: what psqlpy does for each mode, as the server's side sees it."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from sqlspec.exceptions import DatabaseConnectionError
from tests.integration.harness import Flavour

pytestmark = pytest.mark.only("psqlpy")

# Signed by itself, for the host name localhost alone. The key guards nothing.
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBlTCCATugAwIBAgIUX/+23AeHQO2dqTj4Y7uTl2eBQOowCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTE2MjkzMFoYDzIxMjYxMDI4
MTYyOTMwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARkyPhuiT2vVairjTBf133gx9bDodhCuD2HVtQHItm4gizBDT5rexbT
ycYQUAGDd34qq/tuyKgC36liVYNhwy1Go2kwZzAdBgNVHQ4EFgQU9M9+obyBR2T8
u1wTnDQGebXG4swwHwYDVR0jBBgwFoAU9M9+obyBR2T8u1wTnDQGebXG4swwDwYD
VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwID
SAAwRQIhAO7XOrP9621LX02/tliCA9+YU4o/4S6WIZ8JtVckzQQFAiAEBeF6ZUBK
Pn1BQBWBm9XVC2C0e/3PORkVtI4E2yolyw==
-----END CERTIFICATE-----
"""
KEY = """\
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIOn+NX1YFsg5UFXv3xL1N4SD/2h01L+dW4pFFS4mgGPdoAoGCCqGSM49
AwEHoUQDQgAEZMj4bok9r1Woq40wX9d94MfWw6HYQrg9h1bUByLZuIIswQ0+a3sW
08nGEFABg3d+Kqv7bsioAt+pYlWDYcMtRg==
-----END EC PRIVATE KEY-----
"""
SSL_REQUEST = struct.pack(">ii", 8, 80877103)


class Terminator:
    """Takes TLS connections and plain ones, and passes them on in plain."""

    def __init__(self, host: str, port: int, files: Path) -> None:
        self._server = (host, port)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(files / "cert.pem", files / "key.pem")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.seen: list[str] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client, socket.create_connection(self._server) as server:
            if client.recv(8, socket.MSG_PEEK) == SSL_REQUEST:
                client.recv(8)
                client.sendall(b"S")
                with contextlib.suppress(ssl.SSLError), self._context.wrap_socket(client, server_side=True) as secure:
                    self.seen.append("tls")
                    self._pass_on(secure, server)
            else:
                self.seen.append("plain")
                self._pass_on(client, server)

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        thread = threading.Thread(target=_pump, args=(server, client), daemon=True)
        thread.start()
        _pump(client, server)
        thread.join()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def terminator(dsn: str, tmp_path: Path) -> Iterator[Terminator]:
    (tmp_path / "cert.pem").write_text(CERTIFICATE)
    (tmp_path / "key.pem").write_text(KEY)
    server = urlsplit(dsn)
    made = Terminator(server.hostname or "", server.port or 5432, tmp_path)
    yield made
    made.close()


async def use(config: Any) -> None:
    async with config.provide_session() as session:
        assert await session.select_value("select 1") == 1
    await config.close()


@pytest.mark.parametrize(
    ("mode", "seen"), [("disable", "plain"), ("allow", "plain"), ("prefer", "tls"), ("require", "tls")]
)
async def test_each_mode_does_what_it_says(flavour: Flavour, terminator: Terminator, mode: str, seen: str) -> None:
    await use(flavour.make_config(host="127.0.0.1", port=terminator.port, sslmode=mode))
    assert terminator.seen[-1] == seen


async def test_a_certificate_is_verified_where_one_is_named(
    flavour: Flavour, terminator: Terminator, tmp_path: Path
) -> None:
    trusted: dict[str, Any] = {"port": terminator.port, "sslmode": "require", "sslrootcert": tmp_path / "cert.pem"}
    await use(flavour.make_config(host="localhost", **trusted))
    assert terminator.seen == ["tls"]
    with pytest.raises(DatabaseConnectionError, match="certificate verify failed"):
        await use(flavour.make_config(host="127.0.0.1", **trusted))  # the certificate names another host


async def test_a_server_without_tls(flavour: Flavour) -> None:
    await use(flavour.make_config(sslmode="prefer"))
    await use(flavour.make_config(sslmode="allow"))
    with pytest.raises(DatabaseConnectionError, match="server does not support TLS"):
        await use(flavour.make_config(sslmode="require"))
