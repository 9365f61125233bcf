"""Use one flavour in many workers while server and network fail at random, and check that nothing is lost.

    python tools/chaos.py --flavour asyncpg [--seconds 600] [--seed 1] [--workers 32] [--every 0.2]

Workers move money between accounts, append rows and read, and note what they were told of each call. Meanwhile
connections are cut, reset, held up and slowed down by a proxy, backends are terminated, cancelled and stopped, and
the server, one of its own, is shut down and killed. A watchdog beside the workers looks for calls that do not end.
In the end what is stored is compared with what was acknowledged, and nothing of a closed pool may be left. Prints
calls, faults and findings; exits with 1 when there are findings. The same seed makes the same calls and faults, as far
as their timing lets them. A driver that keeps the interpreter locked gets a process for each worker.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psycopg

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.integration.faults.proxy import Proxy
from tests.integration.harness import FLAVOURS
from tools._chaos.calls import SCHEMA
from tools._chaos.faults import Faults, Server
from tools._chaos.ledger import Entry, Ledger, Slots
from tools._chaos.verify import calm, differences, ill_after, sentences

ROOT = Path(__file__).resolve().parent.parent

PATIENCE = 5.0
"""Seconds that a call may take beyond its own limits."""

CALM = 4.0
"""Seconds of work after the last fault, to see that all is well again."""

ENDING = 60.0
"""Seconds in which workers must have ended after that."""

SHOWN = 10
"""Findings of one kind that are printed unless all are asked for."""


class Group:
    """The processes of the workers, and the watchdog beside them.

    Attributes:
        hung: Calls that did not end in time, by worker and number.
        found: What the processes found in the end.
        wrong: Processes that did not end as they should.
        slots: Which calls run.
        ledger: Which calls have ended.
    """

    def __init__(self, folder: Path, options: argparse.Namespace, server: Server, proxy: str) -> None:
        alone = not FLAVOURS[options.flavour].spec.capabilities.concurrent_calls
        self.hung: dict[tuple[int, int], str] = {}
        self.found: list[dict[str, Any]] = []
        self.wrong: list[str] = []
        self.slots = Slots(folder / "slots", options.workers)
        self.ledger = Ledger(folder / "ledger")
        self._folder = folder
        self._server = server
        self._whys: dict[tuple[int, int], str] = {}
        self._each = 1 if alone else options.workers
        size = 1 if alone else max(2, options.workers * 5 // 8)  # so that workers have to wait for each other
        command = [
            *(sys.executable, "-m", "tools._chaos.process", "--flavour", options.flavour, "--folder", str(folder)),
            *("--proxy", proxy, "--seed", str(options.seed), "--slots", str(options.workers)),
            *("--workers", str(self._each), "--size", str(size)),
        ]
        self._processes = [self._start(command, first) for first in range(0, options.workers, self._each)]

    def _start(self, command: list[str], first: int) -> subprocess.Popen[bytes]:
        with (self._folder / f"errors {first}").open("wb") as errors:
            return subprocess.Popen(
                [*command, "--first", str(first)],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )

    def wait_until_ready(self) -> None:
        """Return when every process has begun to work.

        Raises:
            RuntimeError: One has ended before, with its words.
        """
        for process in self._processes:
            assert process.stdout is not None
            if process.stdout.readline() != b"ready\n":
                raise RuntimeError(f"a process of workers did not start:\n{self.errors()}")

    def watch(self, until: float) -> None:
        """Look for calls that hang, until a time."""
        while time.monotonic() < until:
            self.look()
            time.sleep(0.1)

    def look(self) -> None:
        """Note the calls that run for too long."""
        now = time.monotonic()
        for running in self.slots.running():
            if now - running.started > running.limit + PATIENCE:
                key = running.worker, running.number
                if key not in self.hung:
                    self._whys[key] = self._ask_why(self._processes[running.worker // self._each])
                self.hung[key] = (
                    f"worker {running.worker}, call {running.number} ({running.kind}), begun at {running.started:.1f}: "
                    f"still running {now - running.started:.1f} s later, with a limit of {running.limit:g} s; "
                    f"its server then: {self._whys[key]}"
                )

    def _ask_why(self, process: subprocess.Popen[bytes]) -> str:
        """Have a process print where its threads and tasks are; return what its backends do."""
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            process.send_signal(number)
        try:
            with psycopg.connect(self._server.dsn, autocommit=True, connect_timeout=2) as admin:
                admin.execute("set statement_timeout = '2s'")
                return "; ".join(
                    " ".join(map(str, row))
                    for row in admin.execute(
                        """select pid, client_port, state, wait_event, now() - state_change, left(query, 60)
                           from pg_stat_activity where application_name = %s""",
                        [f"chaos {process.pid}"],
                    )
                )
        except psycopg.Error as error:
            return repr(error)

    def stop(self) -> None:
        """Tell the workers to end, and wait for that."""
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.close()
        deadline = time.monotonic() + ENDING
        while any(process.poll() is None for process in self._processes) and time.monotonic() < deadline:
            self.look()
            time.sleep(0.02)
        for process in self._processes:
            if process.poll() is None:
                self.wrong.append(f"a process did not end within {ENDING:g} s")
                self._ask_why(process)
                time.sleep(1)
                process.kill()
            assert process.stdout is not None
            output = process.stdout.read()
            if process.wait() == 0:
                self.found.append(json.loads(output))
            elif not self.wrong:
                self.wrong.append(f"a process ended with {process.returncode}")

    def kill(self) -> None:
        """End what may still run."""
        for process in self._processes:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                pipe.close()

    def errors(self) -> str:
        """Return what the processes had to say."""
        return "".join(path.read_text(errors="replace") for path in sorted(self._folder.glob("errors *")))


def run(options: argparse.Namespace, folder: Path) -> list[str]:
    """Run it all; print what was done and return what is wrong."""
    with Server() as server, Proxy(server.dsn) as proxy:
        with psycopg.connect(server.dsn, autocommit=True) as admin:
            admin.execute(SCHEMA.encode())
        group = Group(folder, options, server, proxy.dsn)
        try:
            group.wait_until_ready()
            faults = Faults(server, proxy, options.seed, options.every, options.restart_every)
            print(f"faults begin at {time.monotonic():.1f}")
            with faults:
                group.watch(time.monotonic() + options.seconds)
            group.watch(time.monotonic() + CALM)
            group.stop()
        finally:
            group.kill()
        running = {(call.worker, call.number) for call in group.slots.running()}
        entries = list(group.ledger.entries())
        with psycopg.connect(server.dsn, autocommit=True) as admin:
            findings = {
                "hung": list(group.hung.values()),
                "wrong": [*group.wrong, *sentences(entries)],
                "differs": list(differences(admin, entries, running)),
                "ill": [*ill_after(entries, faults.healed), *each_of("ill", group.found)],
                "leaked": each_of("leaks", group.found),
            }
    if faults.failure is not None:
        findings["wrong"].append(f"the faults ended: {faults.failure!r}")
    print_report(options, entries, faults.counts)
    print(calm(entries, faults.healed))
    errors = group.errors()
    if errors:
        print(errors)
    return [f"{kind.upper()} {words}" for kind, found in findings.items() for words in found]


def each_of(key: str, found: Iterable[dict[str, Any]]) -> list[str]:
    return [words for each in found for words in each[key]]


def print_report(options: argparse.Namespace, entries: list[Entry], faults: Counter[str]) -> None:
    kinds: dict[str, Counter[str]] = {}
    for entry in entries:
        kinds.setdefault(entry.kind, Counter())[entry.outcome] += 1
    print(f"{options.flavour}, seed {options.seed}: {options.workers} workers, {len(entries)} calls")
    for kind, outcomes in kinds.items():
        print(f"  {kind:18}{sum(outcomes.values()):8}  {listed(outcomes)}")
    print(f"{sum(faults.values())} faults in {options.seconds:g} s: {listed(faults)}")
    print(f"failures: {listed(Counter(entry.note.partition(':')[0] for entry in entries if entry.note))}")
    longest = max(entries, key=lambda entry: entry.ended - entry.started, default=None)
    if longest is not None:
        print(f"longest call: {longest.kind}, {longest.ended - longest.started:.1f} s")


def listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.most_common())


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--flavour", choices=sorted(set(FLAVOURS) - {"stub"}), required=True)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=32)
    parser.add_argument("--every", type=float, default=0.2, help="seconds between two faults, on the average")
    parser.add_argument("--restart-every", type=float, default=20, help="seconds between two ends of the server")
    parser.add_argument("--all", action="store_true", help="print all findings, not the first ones of each kind")
    return parser.parse_args(arguments)


def main() -> int:
    options = parse()
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        findings = run(options, Path(folder))
    shown: Counter[str] = Counter()
    for words in findings:
        kind = words.partition(" ")[0]
        shown[kind] += 1
        if options.all or shown[kind] <= SHOWN:
            print(words)
    print(f"{len(findings)} findings{': ' if findings else ''}{listed(shown)}")
    return int(bool(findings))


if __name__ == "__main__":
    sys.exit(main())
