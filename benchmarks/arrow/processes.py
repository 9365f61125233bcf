"""Starting the workers and talking to them."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
from types import TracebackType
from typing import IO, Any, Self

from benchmarks.arrow.contestants import Contestant
from benchmarks.arrow.environments import ROOT, python_with

__all__ = ("CallFailedError", "Process")

SECONDS_ALLOWED = 300
SECONDS_TO_LEAVE = 10


class CallFailedError(Exception):
    """A contestant raised an error, ended, or took too long."""


class Process:
    """A contestant in a process of its own.

    Raises:
        CallFailedError: It cannot connect.
        EnvironmentFailedError: Its packages cannot be installed.
    """

    def __init__(self, contestant: Contestant, dsn: str) -> None:
        self.contestant = contestant
        python = python_with(contestant.packages)
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks.arrow.worker"],
            cwd=ROOT,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        assert self._process.stdout is not None
        threading.Thread(target=self._listen, args=(self._process.stdout,), daemon=True).start()
        try:
            self.call("open", factory=contestant.factory, argument=contestant.argument, dsn=dsn)
        except CallFailedError:
            self.end()
            raise

    def call(self, do: str, **arguments: Any) -> Any:
        """Return the result of a method of the worker.

        Raises:
            CallFailedError: It raised an error, has ended or is too slow. In the last case it is stopped: a driver that
                waits with the interpreter locked can be stopped only from outside.
        """
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self._process.stdin.flush()
            answer = json.loads(self._answers.get(timeout=SECONDS_ALLOWED) or "null")
        except queue.Empty:
            self._process.kill()
            raise CallFailedError(f"{do}: no answer in {SECONDS_ALLOWED} s") from None
        except OSError:
            answer = None
        if answer is None:
            raise CallFailedError(f"{do}: the process ended with status {self._process.wait()}")
        if "error" in answer:
            raise CallFailedError(answer["error"])
        return answer["result"]

    def end(self) -> None:
        """Close the connection and end the process."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
            self._process.wait(SECONDS_TO_LEAVE)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.end()

    def _listen(self, lines: IO[str]) -> None:
        for line in lines:
            self._answers.put(line)
        self._answers.put("")
