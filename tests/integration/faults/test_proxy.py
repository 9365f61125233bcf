"""The proxy does to connections what it says."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.integration.faults.proxy import DOWN, UP, Proxy, Stats
from tests.integration.loopback import Silent


class Echo(Silent):
    """Answers each piece with the same bytes in angle brackets, and an end with `end`."""

    def serve(self, connection: socket.socket) -> None:
        threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        try:
            while data := connection.recv(65536):
                connection.sendall(b"<" + data + b">")
            connection.sendall(b"end")
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    with Echo() as server:
        yield f"postgresql://127.0.0.1:{server.port}/x"


@pytest.fixture(scope="module")
def only_proxy(echo: str) -> Iterator[Proxy]:
    with Proxy(echo) as made:
        yield made


@pytest.fixture
def proxy(only_proxy: Proxy, echo: str) -> Iterator[Proxy]:
    yield only_proxy
    only_proxy.heal()
    only_proxy.aim(echo)
    while only_proxy.stats.connections:
        time.sleep(0.002)


@pytest.fixture
def before(proxy: Proxy) -> Stats:
    """What the proxy had seen before the test."""
    return proxy.stats


@pytest.fixture
def client(proxy: Proxy, before: Stats) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", proxy.port), 10) as connection:
        assert say(connection, b"hello") == b"<hello>"
        yield connection


def say(connection: socket.socket, data: bytes, answer: int | None = None) -> bytes:
    """Send and read an answer of that many bytes, by default of the echo's; less if the connection ends."""
    connection.sendall(data)
    return read(connection, len(data) + 2 if answer is None else answer)


def read(connection: socket.socket, length: int) -> bytes:
    got = b""
    while len(got) < length and (more := connection.recv(length - len(got))):
        got += more
    return got


def silent(connection: socket.socket) -> bool:
    connection.settimeout(0.05)
    try:
        return not connection.recv(1)
    except TimeoutError:
        return True
    finally:
        connection.settimeout(10)


def test_counts(proxy: Proxy, before: Stats, client: socket.socket) -> None:
    say(client, b"again")
    assert proxy.stats - before == (1, 1, 2, 0, 10, 14)


def test_a_cut_at_once_lets_read_what_was_passed(proxy: Proxy, client: socket.socket) -> None:
    proxy.cut()
    assert client.recv(1) == b""
    assert proxy.stats.connections == 0


def test_a_cut_behind_some_bytes_and_once(proxy: Proxy, client: socket.socket) -> None:
    proxy.cut(after=3, once=True)
    assert say(client, b"abcdef") == b"<ab"
    with socket.create_connection(("127.0.0.1", proxy.port), 10) as other:
        assert say(other, b"abcdef") == b"<abcdef>"


def test_a_cut_strikes_later_connections_too_until_healed(proxy: Proxy, before: Stats) -> None:
    proxy.cut(UP, after=2)
    for _ in range(2):
        with socket.create_connection(("127.0.0.1", proxy.port), 10) as other:
            assert say(other, b"ab") == b"<ab>"
            assert say(other, b"c") == b""
    proxy.heal()
    with socket.create_connection(("127.0.0.1", proxy.port), 10) as other:
        assert say(other, b"abc") == b"<abc>"
    assert (proxy.stats - before).struck == 2


def test_a_reset(proxy: Proxy, client: socket.socket) -> None:
    proxy.reset()
    with pytest.raises(ConnectionResetError):
        client.recv(1)


def test_upon_a_text_the_answer_is_lost(proxy: Proxy, before: Stats, client: socket.socket) -> None:
    proxy.reset(DOWN, upon="commit")
    assert say(client, b"comm") == b"<comm>"
    with pytest.raises(ConnectionResetError):
        say(client, b"COMMIT")
    assert (proxy.stats - before).up == len(b"hellocommCOMMIT")


def test_upon_a_text_the_text_does_not_pass(proxy: Proxy, client: socket.socket) -> None:
    say(client, b"commit")
    proxy.half_close(UP, upon="commit", after=2)
    assert say(client, b"say commit", len("<say co>end")) == b"<say co>end"


def test_half_closed_downwards(proxy: Proxy, before: Stats, client: socket.socket) -> None:
    proxy.half_close(DOWN)
    assert say(client, b"still heard") == b""
    while (proxy.stats - before).up < len(b"hellostill heard"):
        time.sleep(0.002)
    assert proxy.stats.connections == 1


def test_half_closed_upwards(proxy: Proxy, client: socket.socket) -> None:
    proxy.half_close(UP)
    assert read(client, 3) == b"end"


def test_what_is_held_back_comes_later(proxy: Proxy, client: socket.socket) -> None:
    proxy.hold()
    client.sendall(b"held")
    assert silent(client)
    with socket.create_connection(("127.0.0.1", proxy.port), 10) as other:
        other.sendall(b"too")
        assert silent(other)
        proxy.heal()
        assert read(other, 5) == b"<too>"
        assert read(client, 6) == b"<held>"


def test_a_hold_ends_by_itself_and_is_not_ended_by_another(proxy: Proxy, client: socket.socket) -> None:
    proxy.hold(DOWN, seconds=0.02)
    assert say(client, b"held") == b"<held>"
    proxy.hold(seconds=0.02)
    proxy.hold()
    time.sleep(0.05)
    client.sendall(b"held")
    assert silent(client)


def test_a_hold_behind_some_bytes(proxy: Proxy, client: socket.socket) -> None:
    proxy.hold(DOWN, after=2, once=True)
    assert say(client, b"abc", 2) == b"<a"
    assert silent(client)
    proxy.heal()
    assert read(client, 3) == b"bc>"


def test_delays_add_up(proxy: Proxy, client: socket.socket) -> None:
    proxy.delay(0.02)
    began = time.monotonic()
    assert say(client, b"late") == b"<late>"
    assert time.monotonic() - began >= 0.04


def test_one_byte_at_a_time(proxy: Proxy, client: socket.socket) -> None:
    proxy.trickle()
    client.sendall(b"x" * 100)
    pieces = [client.recv(65536)]
    while b"".join(pieces).count(b"x") < 100:
        pieces.append(client.recv(65536))
    # How many arrive together is up to the scheduler.
    assert len(pieces) > 1


def test_refused_and_accepted_again(proxy: Proxy, client: socket.socket) -> None:
    proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", proxy.port), 10)
    assert say(client, b"still there") == b"<still there>"
    proxy.heal()
    socket.create_connection(("127.0.0.1", proxy.port), 10).close()


def test_a_server_that_is_not_there(proxy: Proxy) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = taken.getsockname()[1]
    proxy.aim(f"postgresql://127.0.0.1:{nobody}/x")
    with pytest.raises(ConnectionResetError), socket.create_connection(("127.0.0.1", proxy.port), 10) as other:
        other.recv(1)


def test_a_second_handle(proxy: Proxy, before: Stats, client: socket.socket) -> None:
    other = Proxy.attach(proxy.dsn, proxy.control)
    assert other.dsn == proxy.dsn
    with other:
        other.cut()
    assert client.recv(1) == b""
    assert (proxy.stats - before).struck == 1
