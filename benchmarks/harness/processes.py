"""Starting the workers and talking to them."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from benchmarks.harness.environments import import_path

__all__ = ("CallFailedError", "Process")

SECONDS_ALLOWED = 300
SECONDS_TO_LEAVE = 10
ENVIRONMENT = {"PYTHONWARNINGS": "ignore"}
KEEPS_MEMORY = {
    # asyncio receives into 256 KiB that it frees again. In a process with a small heap glibc returns them to the kernel
    # each time, in one with a larger heap it does not: without this, that alone makes a query of asyncpg take 40 or 65
    # us, depending on what else a process has imported.
    "MALLOC_TOP_PAD_": str(16 << 20),
}


class CallFailedError(Exception):
    """A contestant raised an error, ended, or took too long."""


class Process:
    """A contestant in a process of its own.

    Args:
        python: The interpreter.
        module: What it runs; see `benchmarks.harness.serve`.
        seconds: How long an answer may take.
        keeps_memory: Whether the allocator keeps what was freed, as in a program with a large heap.
        **opening: What the worker is made of.

    Attributes:
        opened: What the worker answered when it was made.

    Raises:
        CallFailedError: It cannot be made.
    """

    def __init__(
        self, python: Path, module: str, *, seconds: float = SECONDS_ALLOWED, keeps_memory: bool = True, **opening: Any
    ) -> None:
        self._seconds = seconds
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        self._process = subprocess.Popen(
            [python, "-m", module],
            cwd=import_path(),
            env=environment | ENVIRONMENT | (KEEPS_MEMORY if keeps_memory else {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        assert self._process.stdout is not None
        threading.Thread(target=self._listen, args=(self._process.stdout,), daemon=True).start()
        try:
            self.opened = self.call("open", **opening)
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
            answer = json.loads(self._answers.get(timeout=self._seconds) or "null")
        except queue.Empty:
            self._process.kill()
            raise CallFailedError(f"{do}: no answer in {self._seconds:g} s") from None
        except OSError:
            answer = None
        if answer is None:
            raise CallFailedError(f"{do}: the process ended with status {self._process.wait()}")
        if "error" in answer:
            raise CallFailedError(answer["error"])
        return answer["result"]

    def is_alive(self) -> bool:
        """Tell whether it can be called."""
        return self._process.poll() is None

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
