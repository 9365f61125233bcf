"""Servers on the loopback interface that do one thing wrong."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from types import TracebackType
from typing import Self

__all__ = ("Refusing", "Silent")


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
