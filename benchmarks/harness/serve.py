"""The process of one contestant: reads requests as lines of JSON, and answers each with one.

A request names a method of the worker in `do`; the rest are its arguments. The answer has `result`, or `error`. The
first request makes the worker, and is answered with its attribute `opened`. This runs in environments without this
package, so it needs the standard library alone.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any, TextIO

__all__ = ("main", "serve")


def serve(make: Callable[..., Any], requests: TextIO, answers: TextIO) -> None:
    """Answer requests until there are no more."""
    worker: Any = None
    for line in requests:
        request = json.loads(line)
        name = request.pop("do")
        answer: dict[str, Any]
        try:
            if worker is None:
                worker = make(**request)
                answer = {"result": worker.opened}
            else:
                answer = {"result": getattr(worker, name)(**request)}
        except Exception as error:  # whatever it is, the report names it and the others go on
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    if worker is not None:
        worker.close()


def main(make: Callable[..., Any]) -> None:
    """Serve standard input."""
    # What a library prints must not come between the answers.
    with os.fdopen(os.dup(sys.stdout.fileno()), "w") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        serve(make, sys.stdin, answers)
