"""The run of the suite: every contestant in a process of its own, and the server they share."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import psycopg

from benchmarks.cases import Ask, Case
from benchmarks.contestants import CONTESTANTS, Contestant, by_name
from benchmarks.data import BATCH, QUERIES, RESET, SETUP, TEARDOWN, batch, batch_sql, sample
from benchmarks.harness.environments import EnvironmentFailedError, python_with
from benchmarks.harness.numbers import Figure
from benchmarks.harness.processes import CallFailedError, Process
from benchmarks.harness.server import Control
from benchmarks.harness.timing import Rounds

__all__ = ("Run", "Team")

LEAST_OF_QUICK = 2
SECONDS_ALLOWED = 120
QUICK = 0.05
"""The part of its seconds that a case has in a quick run, and the part of its calls that a block has."""
QUICK_BLOCK = 0.1
WRONG = "wrong result: other values than the server holds"


@dataclass(slots=True)
class Run:
    """What is asked for.

    Attributes:
        control: The server.
        say: Tells how far the run is.
        contestants: Who takes part.
        quick: Whether figures may be rough.
    """

    control: Control
    say: Callable[[str], None]
    contestants: tuple[Contestant, ...] = CONTESTANTS
    quick: bool = False
    expected: dict[str, Any] = field(default_factory=dict)

    def least(self, case: Case) -> int:
        """Return how many rounds there are at least."""
        return min(case.least, LEAST_OF_QUICK) if self.quick else case.least

    def seconds(self, case: Case) -> float:
        """Return how long a case may take."""
        return case.seconds * (QUICK if self.quick else 1)

    def block(self, case: Case) -> int:
        """Return how many calls are measured together."""
        return max(1, round(case.block * QUICK_BLOCK)) if self.quick else case.block


class Team:
    """The processes of the contestants, each started when it is needed first and again when it has failed."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._processes: dict[tuple[str, bool], Process] = {}
        self._missing: dict[str, str] = {}
        run.control.execute(SETUP)

    def measure(self, case: Case) -> list[Figure]:
        """Measure a case; a contestant that fails has a figure with the reason."""
        chosen = by_name(*case.only) if case.only else tuple(one for one in CONTESTANTS if one.always)
        playing = [one for one in chosen if one in self._run.contestants]
        kinds = {
            "overhead": self._overhead,
            "contest": self._contest,
            "startup": self._startup,
            "memory": self._memory,
        }
        found = kinds[case.kind](case, playing)
        for key, process in list(self._processes.items()):
            try:
                process.call("forget")
            except CallFailedError as error:
                self._run.say(f"  {key[0]} starts anew: {error}")
                self._processes.pop(key).end()
        return found

    # -- the kinds of cases -----------------------------------------------------------------------------------

    def _overhead(self, case: Case, playing: list[Contestant]) -> list[Figure]:
        found = []
        for contestant in playing:
            if contestant.group == "driver":
                continue
            try:
                names = [name for name, what in case.calls.items() if self._prepare(contestant, case, name, what)]
                if case.baseline not in names or len(names) < 2:
                    continue
                answer = self._process(contestant, case).call(
                    "interleave",
                    calls=[self._key(case, name) for name in names],
                    block=self._run.block(case),
                    seconds=self._run.seconds(case),
                    least=self._run.least(case),
                )
            except (CallFailedError, EnvironmentFailedError) as error:
                found.append(self._failed(contestant, case, error))
                continue
            for name in names:
                key = self._key(case, name)
                seconds, cpu = answer["seconds"][key], answer["cpu"][key]
                found.append(Figure.of(case.name, contestant.name, seconds, cpu, name))
        return found

    def _contest(self, case: Case, playing: list[Contestant]) -> list[Figure]:
        found = []
        ready = {}
        (what,) = case.calls.values()
        for contestant in playing:
            try:
                if self._prepare(contestant, case, "", what):
                    ready[contestant.name] = contestant
            except (CallFailedError, EnvironmentFailedError) as error:
                found.append(self._failed(contestant, case, error))
        block, key = self._run.block(case), self._key(case, "")
        # The first round warms up.
        for limit, least in ((0.0, 1), (self._run.seconds(case), self._run.least(case))):
            rounds = Rounds(list(ready), limit, least)
            for name in rounds:
                try:
                    answer = self._process(ready[name], case).call("block", call=key, block=block)
                    rounds.add(name, answer["seconds"] / case.per, answer["cpu"] / case.per)
                except CallFailedError as error:
                    rounds.drop(name)
                    found.append(self._failed(ready.pop(name), case, error))
        return found + [Figure.of(case.name, name, rounds.seconds[name], rounds.cpu[name]) for name in ready]

    def _startup(self, case: Case, playing: list[Contestant]) -> list[Figure]:
        ((first, what),) = case.calls.items()
        times: dict[str, dict[str, list[float]]] = {
            one.name: {"import": [], "connect": [], first: [], "all": []} for one in playing
        }
        found = []
        players = {one.name: one for one in playing}
        rounds = Rounds(list(players), self._run.seconds(case), self._run.least(case))
        for name in rounds:
            try:
                with self._new_process(players[name], case) as process:
                    if not self._ask(process, first, what, run=False)["offered"]:
                        rounds.drop(name)
                        continue
                    answer = process.opened | {first: process.call("block", call=first, block=1)["seconds"]}
            except (CallFailedError, EnvironmentFailedError) as error:
                rounds.drop(name)
                found.append(self._failed(players.pop(name), case, error))
                continue
            for call, seconds in {**answer, "all": sum(answer.values())}.items():
                times[name][call].append(seconds)
        for name in players:
            found += [Figure.of(case.name, name, values, call=call) for call, values in times[name].items() if values]
        return found

    def _memory(self, case: Case, playing: list[Contestant]) -> list[Figure]:
        (what,) = case.calls.values()
        found = []
        for contestant in playing:
            peaks = []
            try:
                for _ in range(self._run.least(case)):
                    with self._new_process(contestant, case) as process:
                        # A few rows first: what a first call imports and prepares is not the rows'.
                        few = what._replace(arguments={**what.arguments, "parameter": 10})
                        answer = self._ask(process, "few", few)
                        if not answer["offered"]:
                            break
                        if answer["result"] != self._expected(few):
                            raise CallFailedError(WRONG)
                        self._ask(process, "", what, run=False)
                        peaks.append(process.call("peak", call=""))
            except (CallFailedError, EnvironmentFailedError) as error:
                found.append(self._failed(contestant, case, error))
                continue
            if peaks:
                found.append(Figure.of(case.name, contestant.name, peaks))
        return found

    # -- one contestant ---------------------------------------------------------------------------------------

    def _process(self, contestant: Contestant, case: Case) -> Process:
        """Return the process of a contestant for cases like this one.

        Raises:
            CallFailedError: It cannot connect.
            EnvironmentFailedError: Its packages cannot be installed.
        """
        key = contestant.name, case.keeps_memory
        process = self._processes.get(key)
        if process is None or not process.is_alive():
            process = self._processes[key] = self._new_process(contestant, case)
        return process

    def _new_process(self, contestant: Contestant, case: Case) -> Process:
        environment = contestant.environment
        if environment in self._missing:  # said once, not for each case
            raise EnvironmentFailedError(self._missing[environment])
        try:
            python = python_with(environment, contestant.packages)
        except EnvironmentFailedError as error:
            self._missing[environment] = f"the environment {environment!r} cannot be made: {error}"
            raise EnvironmentFailedError(self._missing[environment]) from None
        return Process(
            python,
            "benchmarks.worker",
            seconds=SECONDS_ALLOWED,
            keeps_memory=case.keeps_memory,
            factory=contestant.factory,
            argument=contestant.argument,
            dsn=self._run.control.dsn,
        )

    def _prepare(self, contestant: Contestant, case: Case, call: str, what: Ask) -> bool:
        """Make a call in the process of a contestant; tell whether it has such a thing.

        Raises:
            CallFailedError: It fails, or its result is not what the server holds.
        """
        answer = self._ask(self._process(contestant, case), self._key(case, call), what)
        if not answer["offered"]:
            return False
        expected = self._expected(what)
        if what.operation in ("many", "each", "load"):
            wrong = self._run.control.digest(BATCH) != expected
        else:
            wrong = answer["result"] is not None and answer["result"] != expected
        if wrong:
            raise CallFailedError(WRONG)
        return True

    @staticmethod
    def _ask(process: Process, key: str, what: Ask, *, run: bool = True) -> dict[str, Any]:
        answer: dict[str, Any] = process.call(
            "prepare", call=key, operation=what.operation, arguments=what.arguments, raw=what.raw, run=run
        )
        return answer

    def _expected(self, what: Ask) -> Any:
        """Return what the result of a call has to be, as psycopg finds it by its text format."""
        arguments = what.arguments
        if what.operation in ("many", "each", "load"):
            key = json.dumps([arguments.get("verb", "insert"), arguments["rows"]])
            if key not in self._run.expected:
                self._run.expected[key] = self._digest_of_batch(arguments.get("verb", "insert"), arguments["rows"])
        elif "query" in arguments:
            key = json.dumps([arguments["query"], arguments["parameter"]])
            if key not in self._run.expected:
                query = arguments["query"]
                rows = self._run.control.rows(QUERIES[query].sql(str(arguments["parameter"])))
                self._run.expected[key] = sample(query, rows)
        else:
            return None
        return self._run.expected[key]

    def _digest_of_batch(self, verb: str, rows: int) -> tuple[int, int]:
        """Run a batch by other means, in a transaction that is rolled back."""
        control = self._run.control
        with psycopg.connect(control.dsn) as connection, connection.cursor() as cursor:
            for sql in RESET[verb]:
                cursor.execute(sql.format(rows=rows).encode())
            cursor.executemany(batch_sql(verb, "%s").encode(), batch(verb, rows))
            connection.commit()
        return control.digest(BATCH)

    @staticmethod
    def _key(case: Case, call: str) -> str:
        return f"{case.name}: {call}"

    def _failed(self, contestant: Contestant, case: Case, error: Exception) -> Figure:
        self._run.say(f"  {contestant.name}: {error}")
        process = self._processes.pop((contestant.name, case.keeps_memory), None)
        if process is not None:  # its connection may be lost, or in the middle of something
            process.end()
        return Figure(case.name, contestant.name, error=str(error))

    # -- the whole --------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for process in self._processes.values():
            process.end()
        self._run.control.execute(TEARDOWN)
