"""Servers on the loopback interface that do one thing wrong, and a proxy that counts."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from types import TracebackType
from typing import Any, Self

__all__ = ("Proxy", "Refusing", "Silent")


class Silent:
    """Accepts connections and never answers.

    Attributes:
        port: Where it listens, on 127.0.0.1.
    """

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Shutting down wakes the thread that accepts; closing alone does not.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        for connection in self._open:
            connection.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                self.serve(connection)

    def serve(self, connection: socket.socket) -> None:
        """Do nothing."""


class Refusing(Silent):
    """Asks for a password and refuses it."""

    def __init__(self, sqlstate: str, message: str) -> None:
        super().__init__()
        self._fields = {"S": "FATAL", "V": "FATAL", "C": sqlstate, "M": message}

    def serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.recv(4096)
            connection.sendall(b"R" + struct.pack("!ii", 8, 3))  # AuthenticationCleartextPassword
            connection.recv(4096)
            body = b"".join(f"{key}{value}\0".encode() for key, value in self._fields.items()) + b"\0"
            connection.sendall(b"E" + struct.pack("!i", len(body) + 4) + body)
            connection.close()


class Proxy(Silent):
    """Passes bytes on in both directions, and counts how often the client spoke after the server had.

    Attributes:
        turns: Number of round trips: times that the client sent something after the server's last answer.
    """

    def __init__(self, host: str, port: int) -> None:
        super().__init__()
        self._target = (host, port)
        self._lock = threading.Lock()
        self.turns = 0
        self._thawed = threading.Event()
        self._thawed.set()

    def freeze(self) -> None:
        """Pass nothing on any more, for connections that are open and new ones."""
        self._thawed.clear()

    def thaw(self) -> None:
        """Pass on again, what was held back first."""
        self._thawed.set()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thawed.set()
        super().__exit__(kind, error, trace)

    def serve(self, connection: socket.socket) -> None:
        server = socket.create_connection(self._target)
        self._open.append(server)
        answered = [True]  # the server had the last word on this connection
        for source, sink, from_client in ((connection, server, True), (server, connection, False)):
            threading.Thread(target=self._pass, args=(source, sink, from_client, answered), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, from_client: bool, answered: list[Any]) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                with self._lock:
                    if from_client and answered[0]:
                        self.turns += 1
                    answered[0] = not from_client
                self._thawed.wait()
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
