"""A TCP proxy in a process of its own that does to connections what networks do.

It runs beside the tests' process because one driver holds the interpreter through its round trips: a proxy in a
thread would stand still with it. For the same reason a fault can lie in wait, and one that lasts can end by itself.

    with Proxy(server.dsn) as proxy:
        config = AsyncpgConfig({"dsn": proxy.dsn})
        ...
        proxy.reset(DOWN, upon="commit", once=True)  # the server commits, and the answer is lost

Faults strike at once, or lie in wait:

- Without `after` and `upon`: every connection that is open now. What lasts (`hold`, `delay`, `trickle`) goes for
  connections made later too.
- With `after`: every connection, open or made later, as soon as a byte comes `way` behind `after` others, counted
  from now or from the connection's beginning. That byte and what follows does not pass any more.
- With `upon`: as soon as the client has sent this text, in any case of its letters. UP, the text itself does not
  reach the server; DOWN, the server gets it, and its answer does not come. `after` counts from there.
- With `once`: only the first connection that comes so far.

`heal` ends all of it, and passes on what was held back. All methods may be called from any thread, return when
the proxy has done what was asked, and never wait for the network. Other processes reach the proxy by `attach`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self
from urllib.parse import urlsplit

__all__ = ("BOTH", "DOWN", "UP", "Proxy", "Stats", "Way")

Way = Literal["up", "down", "both"]
UP: Way = "up"
"""From the client to the server."""
DOWN: Way = "down"
"""From the server to the client."""
BOTH: Way = "both"

HOST = "127.0.0.1"


class Stats(NamedTuple):
    """What a proxy has seen.

    Attributes:
        connections: Number of connections that are open now.
        accepted: Number of connections ever made.
        turns: Number of round trips: times that a client sent something after the server's last answer.
        struck: Number of times that a fault hit a connection.
        up: Bytes passed on to the server.
        down: Bytes passed on to clients.
    """

    connections: int
    accepted: int
    turns: int
    struck: int
    up: int
    down: int

    def __sub__(self, earlier: Stats) -> Stats:
        """Return what was seen in between."""
        return Stats(*(now - before for now, before in zip(self, earlier, strict=True)))


# -- the tests' side ------------------------------------------------------------------------------------------


class Proxy:
    """A proxy before a server. A context manager: leaving it closes all connections and ends the process.

    Args:
        dsn: URL of the server. Only host and port are taken from it to connect.

    Attributes:
        dsn: The same URL, by way of the proxy.
        port: Where clients connect, on 127.0.0.1.
        control: Where `attach` finds it.
    """

    def __init__(self, dsn: str) -> None:
        self._target = dsn
        self._process: subprocess.Popen[str] | None = None
        self._control: socket.socket | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        if self._control is not None:  # attached
            return self
        command = [sys.executable, "-IS", __file__, *map(str, _address(self._target))]
        # It ends with its standard input, so also when the tests are killed.
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port, control = map(int, self._process.stdout.readline().split())
        self._connect(control)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._control is not None:
            self._answers.close()
            self._control.close()
            self._control = None
        if self._process is not None:
            with self._process:
                self._process.kill()  # no connection is closed in order, and whatever it does cannot hold the tests up

    @classmethod
    def attach(cls, dsn: str, control: int) -> Self:
        """Return a second handle, for another process: `Proxy.attach(proxy.dsn, proxy.control)`.

        Leaving it as a context manager ends the handle, not the proxy.
        """
        proxy = cls(dsn)
        proxy.port = _address(dsn)[1]
        proxy._connect(control)
        return proxy

    def _connect(self, control: int) -> None:
        self.control = control
        self._control = socket.create_connection((HOST, control))
        self._answers = self._control.makefile("r")
        place = urlsplit(self._target)
        user = f"{place.netloc.rpartition('@')[0]}@" if "@" in place.netloc else ""
        self.dsn: str = place._replace(netloc=f"{user}{HOST}:{self.port}").geturl()

    def _ask(self, call: str, **named: Any) -> Any:
        with self._lock:
            assert self._control is not None, "the proxy is not running: use it in a `with`"
            self._control.sendall(json.dumps({"call": call, **named}).encode() + b"\n")
            answer = self._answers.readline()
        if not answer:
            raise RuntimeError("the proxy has ended")
        return json.loads(answer)

    def cut(self, way: Way = DOWN, *, after: int | None = None, upon: str = "", once: bool = False) -> None:
        """Close connections at both ends, in order: each end reads what was passed on, then the end."""
        self._ask("arm", kind="cut", way=way, after=after, upon=upon, once=once)

    def reset(self, way: Way = DOWN, *, after: int | None = None, upon: str = "", once: bool = False) -> None:
        """Reset connections at both ends: what is not read yet may be lost."""
        self._ask("arm", kind="reset", way=way, after=after, upon=upon, once=once)

    def half_close(self, way: Way = DOWN, *, after: int | None = None, upon: str = "", once: bool = False) -> None:
        """Let one end read the end of the other's data while the other way still passes."""
        self._ask("arm", kind="half_close", way=way, after=after, upon=upon, once=once)

    def hold(
        self,
        way: Way = BOTH,
        *,
        after: int | None = None,
        upon: str = "",
        once: bool = False,
        seconds: float | None = None,
    ) -> None:
        """Pass nothing on: a black hole, until `heal` or for some seconds. Ends of connections are held back too.

        Connections are still made, as the network has them accepted by the proxy.
        """
        self._ask("arm", kind="hold", way=way, after=after, upon=upon, once=once, seconds=seconds)

    def delay(self, each: float, way: Way = BOTH, *, seconds: float | None = None) -> None:
        """Pass each piece on that many seconds later."""
        self._ask("arm", kind="delay", way=way, each=each, seconds=seconds)

    def trickle(self, way: Way = BOTH, *, seconds: float | None = None) -> None:
        """Pass on one byte at a time, each as a packet of its own."""
        self._ask("arm", kind="trickle", way=way, seconds=seconds)

    def refuse(self, *, seconds: float | None = None) -> None:
        """Refuse new connections as a port does that nobody listens on."""
        self._ask("refuse", seconds=seconds)

    def heal(self) -> None:
        """End all faults, also those in wait, pass on what was held back, and accept connections."""
        self._ask("heal")

    def aim(self, dsn: str) -> None:
        """Bring new connections to another server."""
        host, port = _address(dsn)
        self._ask("aim", host=host, port=port)

    @property
    def stats(self) -> Stats:
        """What the proxy has seen so far."""
        return Stats(*self._ask("stats"))

    @property
    def turns(self) -> int:
        """Number of round trips so far, of all connections."""
        return self.stats.turns


def _address(dsn: str) -> tuple[str, int]:
    place = urlsplit(dsn)
    return place.hostname or HOST, place.port or 5432


# -- the process ----------------------------------------------------------------------------------------------


@dataclass(eq=False)
class Fault:
    """A fault that lies in wait, or one that lasts."""

    kind: str
    after: int | None
    upon: bytes
    once: bool
    each: float
    seconds: float | None


@dataclass(eq=False)
class Lane:
    """One way of one connection."""

    source: socket.socket
    sink: socket.socket
    passed: int = 0
    half_closed: bool = False
    open: asyncio.Event = field(default_factory=asyncio.Event)
    # Faults in wait, each with the number of bytes behind which it strikes; None: its text was not met yet.
    waiting: dict[Fault, int | None] = field(default_factory=dict)
    lasting: set[Fault] = field(default_factory=set)

    def change(self) -> None:
        """Do as the faults that last now demand."""
        if any(fault.kind == "hold" for fault in self.lasting):
            self.open.clear()
        else:
            self.open.set()

    async def send(self, piece: bytes) -> None:
        await self.open.wait()
        await asyncio.sleep(sum(fault.each for fault in self.lasting))
        left = memoryview(piece)
        while left:
            trickles = any(fault.kind == "trickle" for fault in self.lasting)  # it may end in between
            part = left[:1] if trickles else left
            if not self.half_closed:
                await asyncio.get_running_loop().sock_sendall(self.sink, part)
            if trickles:
                await asyncio.sleep(0)
            self.passed += len(part)
            left = left[len(part) :]


class Link:
    """One connection."""

    def __init__(self, relay: Relay, client: socket.socket, server: socket.socket) -> None:
        self.relay = relay
        self.up = Lane(client, server)
        self.down = Lane(server, client)
        self.answered = True
        self.recent = b""
        self.dead = False
        self.resets = False
        self.pumps: list[asyncio.Task[None]] = []
        for lane in (self.up, self.down):
            lane.open.set()
            lane.source.setblocking(False)
            lane.source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def lanes(self, way: Way) -> list[Lane]:
        return {"up": [self.up], "down": [self.down], "both": [self.up, self.down]}[way]

    async def run(self) -> None:
        self.pumps = [asyncio.create_task(self.pump(lane)) for lane in (self.up, self.down)]
        if self.dead:  # a fault that strikes at the first byte
            self.end(reset=self.resets)
        await asyncio.gather(*self.pumps, return_exceptions=True)
        # Only now: a socket's number must not be given away while a pump may still wait for it.
        for lane in (self.up, self.down):
            if self.resets:
                _reset(lane.source)
            lane.source.close()

    async def pump(self, lane: Lane) -> None:
        try:
            while data := await asyncio.get_running_loop().sock_recv(lane.source, 65536):
                self.look(lane, data)
                while data:
                    piece = self.strike(lane, data)
                    await lane.send(piece)
                    data = data[len(piece) :]
            await lane.open.wait()
            lane.sink.shutdown(socket.SHUT_WR)
        except OSError:
            await lane.open.wait()
            self.end(reset=True)

    def look(self, lane: Lane, data: bytes) -> None:
        """Count round trips, and look for the texts that faults wait for."""
        if lane is self.down:
            self.answered = True
            return
        self.relay.turns += self.answered
        self.answered = False
        told = self.recent + data.lower()  # a text may come in two pieces
        before = self.up.passed - len(self.recent)
        for each in (self.up, self.down):
            for fault, mark in each.waiting.items():
                found = told.find(fault.upon, max(0, len(self.recent) - len(fault.upon) + 1))
                if mark is None and found >= 0:
                    start = max(before + found, self.up.passed) if each is self.up else self.down.passed
                    each.waiting[fault] = start + (fault.after or 0)
        self.recent = told[-128:]

    def strike(self, lane: Lane, data: bytes) -> bytes:
        """Let strike what is due, and return what passes before the next fault is."""
        for fault, mark in tuple(lane.waiting.items()):
            if mark is not None and mark <= lane.passed:
                del lane.waiting[fault]
                if not fault.once or self.relay.take(fault):
                    self.suffer(fault, lane)
        marks = [mark for mark in lane.waiting.values() if mark is not None]
        return data[: min(marks) - lane.passed] if marks else data

    def suffer(self, fault: Fault, lane: Lane) -> None:
        """Do to one way, or to the whole connection, what the fault does."""
        if self.dead:
            return
        self.relay.struck += 1
        if fault.kind in ("cut", "reset"):
            self.end(reset=fault.kind == "reset")
        elif fault.kind == "half_close":
            lane.half_closed = True
            with suppress(OSError):
                lane.sink.shutdown(socket.SHUT_WR)
        else:
            lane.lasting.add(fault)
            lane.change()
            self.relay.end_later(fault)

    def end(self, reset: bool) -> None:
        """Close both ends. The caller's own task, if it is one of the pumps, ends at its next wait."""
        self.dead = True
        self.resets = self.resets or reset
        for pump in self.pumps:
            pump.cancel()


class Relay:
    """The proxy itself."""

    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.links: dict[Link, asyncio.Task[None]] = {}
        self.accepted = 0
        self.turns = 0
        self.struck = 0
        self.passed = [0, 0]  # on connections that are gone
        # What goes for connections made later: the fault and its way.
        self.standing: dict[Fault, Way] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.accepting: asyncio.Task[None] | None = None
        self.ending: asyncio.Task[None] | None = None
        self.port = 0
        self.holder: socket.socket | None = None  # keeps others from taking the port while connections are refused

    async def serve(self, client: socket.socket) -> None:
        server = socket.socket()
        server.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(server, self.target)
        except OSError:
            server.close()
            _reset(client)
            client.close()
            return
        link = Link(self, client, server)
        task = asyncio.current_task()
        assert task is not None
        self.links[link] = task
        for fault, way in tuple(self.standing.items()):
            self.lay(fault, way, link)
        try:
            await link.run()
        finally:
            del self.links[link]
        self.passed[0] += link.up.passed
        self.passed[1] += link.down.passed

    def lay(self, fault: Fault, way: Way, link: Link) -> None:
        """Let a fault strike a connection, now or when its time comes."""
        for lane in link.lanes(way):
            if fault.upon:
                lane.waiting[fault] = None
            elif fault.after is not None:
                lane.waiting[fault] = lane.passed + fault.after
            else:
                link.suffer(fault, lane)

    def take(self, fault: Fault) -> bool:
        """Tell whether a fault that strikes once has not struck yet."""
        for link in self.links:
            for lane in (link.up, link.down):
                lane.waiting.pop(fault, None)
        return self.standing.pop(fault, None) is not None

    def end_later(self, fault: Fault) -> None:
        if fault.seconds is not None:
            asyncio.get_running_loop().call_later(fault.seconds, self.end_fault, fault)

    def end_fault(self, fault: Fault) -> None:
        self.standing.pop(fault, None)
        for link in self.links:
            for lane in (link.up, link.down):
                lane.lasting.discard(fault)
                lane.change()

    # -- what can be asked --------------------------------------------------------------------------

    def arm(
        self,
        kind: str,
        way: Way,
        after: int | None = None,
        upon: str = "",
        once: bool = False,
        each: float = 0.0,
        seconds: float | None = None,
    ) -> None:
        fault = Fault(kind, after, upon.lower().encode(), once, each, seconds)
        at_once = after is None and not upon
        if not at_once or kind in ("hold", "delay", "trickle"):
            self.standing[fault] = way
        if at_once:
            self.end_later(fault)
        for link in tuple(self.links)[: 1 if at_once and once else None]:
            self.lay(fault, way, link)

    def refuse(self, seconds: float | None) -> None:
        if self.accepting is not None:
            self.accepting.cancel()
            self.ending, self.accepting = self.accepting, None
        if seconds is not None:
            asyncio.get_running_loop().call_later(seconds, self.listen)

    def listen(self) -> None:
        if self.accepting is None:
            listener = socket.create_server((HOST, self.port), backlog=256, reuse_port=True)
            listener.setblocking(False)
            if not self.port:
                self.port = listener.getsockname()[1]
                self.holder = socket.socket()
                self.holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                self.holder.bind((HOST, self.port))
            self.accepting = asyncio.create_task(self.accept(listener))
            self.keep(self.accepting)

    async def accept(self, listener: socket.socket) -> None:
        try:
            while True:
                client, _ = await asyncio.get_running_loop().sock_accept(listener)
                self.accepted += 1
                self.keep(asyncio.create_task(self.serve(client)))
        finally:
            listener.close()

    def keep(self, task: asyncio.Task[None]) -> None:
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def heal(self) -> None:
        self.standing.clear()
        for link in self.links:
            for lane in (link.up, link.down):
                lane.waiting.clear()
                lane.lasting.clear()
                lane.change()
        self.listen()

    def aim(self, host: str, port: int) -> None:
        self.target = (host, port)

    def stats(self) -> list[int]:
        up = self.passed[0] + sum(link.up.passed for link in self.links)
        down = self.passed[1] + sum(link.down.passed for link in self.links)
        return [len(self.links), self.accepted, self.turns, self.struck, up, down]

    async def obey(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while line := await reader.readline():
                asked = json.loads(line)
                answer = getattr(self, asked.pop("call"))(**asked)
                closing = [task for link, task in self.links.items() if link.dead]
                closing += [self.ending] if self.ending is not None else []
                await asyncio.gather(*closing, return_exceptions=True)
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        writer.close()


def _reset(end: socket.socket) -> None:
    """Let the close of a socket be a reset."""
    with suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def _main(host: str, port: int) -> None:
    relay = Relay(host, port)
    relay.listen()
    control = await asyncio.start_server(relay.obey, HOST, 0)
    print(relay.port, control.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    os._exit(0)  # no connection is closed in order


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    given = parser.parse_args()
    asyncio.run(_main(given.host, given.port))
