"""Ends of TLS: PostgreSQL 15 of Debian, and a double that speaks TLS before a server that cannot."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import ssl
import struct
import threading
import time
from contextlib import ExitStack
from typing import Self
from urllib.parse import urlsplit

from sqlspec.testing._cluster import HOST, Cluster, prepare
from tests.integration.faults.certificates import CLIENT, Certificates, Pair
from tests.integration.faults.conftest import LIMIT, Server, until
from tests.integration.faults.debian import postgres_programs
from tests.integration.loopback import Silent

__all__ = ("Debian", "Double", "offered")

_SSL_REQUEST = struct.pack("!ii", 8, 80877103)

_ACCESS = f"""\
hostssl all {CLIENT} {HOST}/32 cert
host all all {HOST}/32 trust
"""


class Debian:
    """PostgreSQL 15 with a certificate that can be changed. A context manager.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, certificates: Certificates) -> None:
        self._certificates = certificates
        self._cleanup = ExitStack()
        self._serves: Pair | None = None

    def __enter__(self) -> Self:
        with ExitStack() as cleanup:
            self._cluster: Cluster = prepare(postgres_programs(), None, cleanup)
            self._cluster.guard(cleanup)
            self._cluster.initdb(15, time.monotonic() + 2 * LIMIT)
            self._put("pg_hba.conf", _ACCESS)
            self._put("root.crt", self._certificates.authority.read_text())
            self._present(self._certificates.good)
            settings = {"ssl": "on", "ssl_ca_file": "root.crt", "fsync": "off", "shared_buffers": "16MB"}
            self._server = Server(self._cluster, {**settings, "autovacuum": "off", "timezone": "UTC"})
            cleanup.callback(self._server.close)
            self._server.start()
            self.port = self._server.port
            with self._server.connect() as admin:
                admin.execute(f"create role {CLIENT} login")
            self._cleanup = cleanup.pop_all()
        return self

    def __exit__(self, *failure: object) -> None:
        self._cleanup.close()

    def serve(self, pair: Pair) -> None:
        """Present this certificate from now on."""
        if pair == self._serves:
            return
        self._present(pair)
        first = (self._cluster.data_dir / "postmaster.pid").read_text().split()[0]
        os.kill(int(first), signal.SIGHUP)
        expected = ssl.PEM_cert_to_DER_cert(pair.certificate.read_text())
        until(lambda: offered(self.port) == expected)

    def _present(self, pair: Pair) -> None:
        self._serves = pair
        self._put("server.crt", pair.certificate.read_text())
        self._put("server.key", pair.key.read_text())

    def _put(self, name: str, text: str) -> None:
        path = self._cluster.data_dir / name
        path.touch(0o600)
        path.write_text(text)
        self._cluster.account.own(path)


def offered(port: int) -> bytes | None:
    """Return the certificate that a server presents."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((HOST, port), timeout=10) as plain:
        plain.sendall(_SSL_REQUEST)
        assert plain.recv(1) == b"S"
        with context.wrap_socket(plain) as secured:
            return secured.getpeercert(binary_form=True)


class Double(Silent):
    """Takes TLS connections for a server that knows only plain text, or refuses to.

    Args:
        dsn: URL of the server.
        pair: Its certificate; `None` to have none, as an attacker on the way would pretend.

    Attributes:
        secured: Number of connections that came so far as to speak TLS.
        plain: Number of connections on which something was sent in plain text.
    """

    def __init__(self, dsn: str, pair: Pair | None) -> None:
        super().__init__()
        place = urlsplit(dsn)
        self._target = (place.hostname or HOST, place.port or 5432)
        self._context: ssl.SSLContext | None = None
        if pair is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(*pair)
        self.secured = self.plain = 0

    def serve(self, connection: socket.socket) -> None:
        threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            head = _exactly(connection, 8)
            if head == _SSL_REQUEST:
                connection.sendall(b"N" if self._context is None else b"S")
                if self._context is not None:
                    connection = self._context.wrap_socket(connection, server_side=True)
                    self._open.append(connection)
                    self.secured += 1
                head = _exactly(connection, 8)
            if head and self._context is None:
                self.plain += 1
            elif head and not isinstance(connection, ssl.SSLSocket):
                self.plain += 1
                connection.close()
                return
            if head:
                self._join(connection, head)
        with contextlib.suppress(OSError):
            connection.close()

    def _join(self, client: socket.socket, head: bytes) -> None:
        with socket.create_connection(self._target) as server:
            server.sendall(head)
            back = threading.Thread(target=_pass, args=(server, client), daemon=True)
            back.start()
            _pass(client, server)
            back.join(LIMIT)


def _exactly(source: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (piece := source.recv(size - len(data))):
        data += piece
    return data


def _pass(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (sink, source):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
