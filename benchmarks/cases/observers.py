"""What observers cost."""

from __future__ import annotations

from benchmarks.cases import TWIN, Case, ask

__all__ = ("NOBODY", "OBSERVED", "OBSERVERS")

OBSERVED, NOBODY = "one row, observed", "none"
OBSERVERS = ("a function", "LoggingObserver, off", "LoggingObserver", "PrometheusObserver", "OpenTelemetryObserver")


def _asked(by: str) -> dict[str, str | int]:
    """Return the arguments of a call whose session reports to an observer."""
    return {"observer": by, "query": "one", "parameter": 5}


CASES = (
    Case(
        OBSERVED,
        "overhead",
        {
            NOBODY: ask("observed", **_asked(NOBODY)),
            NOBODY + TWIN: ask("observed", **_asked(NOBODY)),
            **{by: ask("observed", **_asked(by)) for by in OBSERVERS},
        },
        baseline=NOBODY,
        seconds=2.0,
        only=("sqlspec on asyncpg", "sqlspec on psycopg sync"),
        quick=False,
    ),
)
