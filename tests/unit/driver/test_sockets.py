"""Sockets of this process that a driver keeps to itself."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from sqlspec.driver._sockets import Link, link_of
from sqlspec.exceptions import ImproperConfigurationError
from sqlspec.postgres.settings import ConnectionSettings, KeyDialect, resolve


def settings(**keys: Any) -> ConnectionSettings:
    return resolve({"host": "127.0.0.1", **keys}, KeyDialect(adapter="test"))[0]


Pair = tuple[socket.socket, socket.socket]


@pytest.fixture(params=["127.0.0.1", "::1"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Both ends of a connection: the one that was opened, and the one that was accepted."""
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.create_server((request.param, 0), family=family) as listener:
        client = socket.create_connection(listener.getsockname()[:2])
        server, _ = listener.accept()
        with client, server:
            yield client, server


def found(pair: Pair, **keys: Any) -> Link | None:
    client, _ = pair
    return link_of(str(client.getsockname()[1]), client.getpeername()[1], settings(**keys))


def options(connected: socket.socket) -> list[int]:
    return [
        connected.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
        connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
        connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
    ]


def test_options_are_set_on_the_end_that_was_opened(pair: Pair) -> None:
    client, server = pair
    before = options(server)
    link = found(pair, keepalives_idle=77, tcp_user_timeout=5000)
    assert link is not None
    assert options(client) == [1, 77, 5000]
    assert options(server) == before


def test_a_cut_connection_ends_a_call_that_waits(pair: Pair) -> None:
    client, server = pair
    link = found(pair)
    assert link is not None
    answers: list[bytes] = []
    waiting = threading.Thread(target=lambda: answers.append(client.recv(1)))
    waiting.start()
    link.abort()
    waiting.join(5)
    assert answers == [b""]
    assert server.recv(1) == b""
    link.abort()


def test_a_number_that_is_used_again_is_not_cut(pair: Pair) -> None:
    client, _ = pair
    link = found(pair)
    assert link is not None
    one, other = socket.socketpair()
    with one, other:
        number = client.detach()
        os.dup2(one.fileno(), number)
        link.abort()
        other.sendall(b"x")
        assert one.recv(1) == b"x"
        os.close(number)
    link.abort()


def test_a_default_timeout_does_not_change_the_owners_socket(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    client, _ = pair
    socket.setdefaulttimeout(5)
    try:
        assert found(pair) is not None
    finally:
        socket.setdefaulttimeout(None)
    assert os.get_blocking(client.fileno())


def test_a_connection_is_found_for_one_only(pair: Pair) -> None:
    link = found(pair)
    assert link is not None
    assert found(pair) is None
    del link
    assert found(pair) is not None


@pytest.mark.parametrize("keys", [{"keepalives": False}, {"keepalives_count": 3}, {"tcp_user_timeout": 1000}])
def test_options_for_a_socket_that_is_not_found_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ImproperConfigurationError, match="leave keepalives"):
        link_of("1", 1, settings(**keys))
    assert link_of("1", 1, settings()) is None
    assert link_of(None, 1, settings(**keys)) is None


def test_no_descriptor_is_left_open(pair: Pair) -> None:
    before = sorted(os.listdir("/dev/fd"))
    link = found(pair)
    assert link is not None
    link.abort()
    assert sorted(os.listdir("/dev/fd")) == before
