"""The run: every contestant in a process of its own, one call after the other, in a new random order every round."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from benchmarks.arrow.contestants import DIRECTIONS, Contestant, Direction
from benchmarks.arrow.data import DATA_SETS, STREAM, DataSet
from benchmarks.arrow.results import FLOOR, NOTHING, Case, Measured, Streamed
from benchmarks.arrow.server import Server, stream_wire_bytes
from benchmarks.harness.environments import EnvironmentFailedError, python_with
from benchmarks.harness.processes import CallFailedError, Process

__all__ = ("Run", "measure", "stream")


class Run(NamedTuple):
    """What is asked for.

    Attributes:
        contestants: Who takes part.
        scale: Part of the rows of a full run.
        rounds: How many times each call is measured.
        folder: Where the data sets are written for the contestants.
        say: Tells how far the run is.
    """

    contestants: list[Contestant]
    scale: float
    rounds: int
    folder: Path
    say: Callable[[str], None]


class Stage(NamedTuple):
    """A data set on the server and in a file."""

    name: str
    table: str
    target: str
    source: str
    rows: int
    wire: int
    digest: tuple[int, int]


def start(contestant: Contestant, dsn: str) -> Process:
    """Start the process of a contestant.

    Raises:
        CallFailedError: It cannot connect.
        EnvironmentFailedError: Its packages cannot be installed.
    """
    python = python_with(contestant.environment, contestant.packages)
    return Process(python, "benchmarks.arrow.worker", factory=contestant.factory, argument=contestant.argument, dsn=dsn)


def measure(server: Server, run: Run) -> list[Case]:
    """Measure all data sets in both directions."""
    stages = [set_up(server, data, run) for data in DATA_SETS]
    cases = []
    for direction in DIRECTIONS:
        for stage in stages:
            run.say(f"{direction} {stage.name}: {stage.rows:,} rows, {stage.wire / 1e6:.0f} MB")
            case = Case(direction, stage.name, stage.rows, stage.wire)
            with ExitStack() as stack:
                ready: dict[str, Process] = {}
                for contestant in run.contestants:
                    if direction in contestant.directions:
                        case.found[contestant.name] = measured = Measured()
                        try:
                            process = stack.enter_context(start(contestant, server.dsn))
                            begin(server, process, stage, case.direction, measured)
                        except (CallFailedError, EnvironmentFailedError) as error:
                            measured.error = str(error)
                        if measured.error:
                            run.say(f"  {contestant.name}: {measured.error}")
                        else:
                            ready[contestant.name] = process
                interleave(server, stage, case, ready, run)
            cases.append(case)
    return cases


def set_up(server: Server, data: DataSet, run: Run) -> Stage:
    """Make a data set, and store it."""
    rows = max(1, round(data.rows * run.scale))
    table, types = data.table(rows)
    source, target = server.create(data.name, types)
    server.fill(source, table)
    path = run.folder / f"{data.name}.arrow"
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    digest = server.digest(source)
    run.say(f"made {data.name}: {rows:,} rows, {len(types)} columns")
    return Stage(data.name, source, target, str(path.resolve()), rows, server.wire_bytes(source), digest)


def begin(server: Server, process: Process, stage: Stage, direction: Direction, measured: Measured) -> None:
    """Load or read once: how much memory does it take, and is the result right to the last value?"""
    if direction == "load":
        process.call("prepare_load", table=stage.target, source=stage.source)
        server.execute(f"truncate {stage.target}")
        measured.peak = process.call("load", measure_memory=True)["peak"]
        stored = server.digest(stage.target)
        difference = "" if stored == stage.digest else f"{stored[0]} rows, not those of the source"
    else:
        process.call("prepare_select", sql=f"select * from {stage.table}")
        measured.peak = process.call("select", measure_memory=True)["peak"]
        difference = process.call("check", source=stage.source)
    measured.error = difference and f"wrong result: {difference}"


def interleave(server: Server, stage: Stage, case: Case, processes: dict[str, Process], run: Run) -> None:
    """Call everybody once per round. The server alone takes part like a contestant."""
    calls: dict[str, Callable[[], dict[str, float]]] = {
        name: partial(process.call, case.direction) for name, process in processes.items()
    }
    file = server.file_of(stage.table)
    if case.direction == "load":
        calls[FLOOR] = partial(server.copy, f"copy {stage.target} from '{file}' (format binary)")
    else:
        calls[FLOOR] = partial(server.copy, f"copy {stage.table} to '{file}' (format binary)")
        calls[NOTHING] = partial(server.copy, f"copy {stage.table} to '/dev/null' (format binary)")
    for name in calls:
        case.found.setdefault(name, Measured())
    order = list(calls)
    shuffle = random.Random(1).shuffle
    for _ in range(run.rounds):
        shuffle(order)
        for name in order:
            measured = case.found[name]
            if measured.error:
                continue
            if case.direction == "load":
                server.execute(f"truncate {stage.target}")
            try:
                answer = calls[name]()
                measured.seconds.append(answer["seconds"])
                measured.cpu += [answer["cpu"]] if "cpu" in answer else []
            except CallFailedError as error:
                measured.error = str(error)
                run.say(f"  {name}: {error}")
    server.execute(f"truncate {stage.target}")


def stream(server: Server, run: Run) -> list[Streamed]:
    """Move the stream once in each direction, each contestant in a new process."""
    rows = max(1, round(STREAM.rows * run.scale))
    source, target = server.create("stream", STREAM.types)
    server.fill_stream(source, rows)
    digest, totals, wire = server.digest(source), server.stream_totals(source), stream_wire_bytes(rows)
    results = []
    for direction in DIRECTIONS:
        for contestant in run.contestants:
            if not contestant.streams or direction not in contestant.directions:
                continue
            run.say(f"{direction} {rows:,} rows: {contestant.name}")
            streamed = Streamed(direction, contestant.name, rows, wire)
            results.append(streamed)
            try:
                with start(contestant, server.dsn) as process:
                    if direction == "load":
                        process.call("load_stream", table=target, rows=STREAM.batch_rows)  # the first call imports
                        server.execute(f"truncate {target}")
                        answer = process.call("load_stream", table=target, rows=rows)
                        wrong = server.digest(target) != digest
                    else:
                        answer = process.call("select_stream", sql=f"select * from {source}")
                        wrong = {name: answer[name] for name in totals} != totals
                streamed.seconds, streamed.peak = answer["seconds"], answer["peak"]
                streamed.error = "wrong result: other rows than those of the source" if wrong else ""
            except (CallFailedError, EnvironmentFailedError) as error:
                streamed.error = str(error)
            if streamed.error:
                run.say(f"  {streamed.error}")
    return results
