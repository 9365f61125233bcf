"""What EXPLAIN says of a statement: a tree of plan nodes, to be read by programs and by people."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlspec.core.excerpt import brief, printable, without_literals
from sqlspec.exceptions import OperationalError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ("Buffers", "Explanation", "PlanNode", "Trigger", "read_explanation")

# A number that stands by itself: not in a name, a placeholder, a type's length or the name of a subplan.
_number = re.compile(r"(?<![\w$.\"])(?<!Plan )\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w\"])").sub
_runs = re.compile(r"'[*\n]+'").sub

# What the tree shows in words of its own, or not at all because it follows from the rest.
_TOLD = frozenset(
    """
    Node Type|Parallel Aware|Async Capable|Parent Relationship|Subplan Name|Scan Direction
    Relation Name|Schema|Alias|Index Name|CTE Name|Function Name|Join Type|Strategy|Partial Mode|Operation
    Startup Cost|Total Cost|Plan Rows|Plan Width|Actual Startup Time|Actual Total Time|Actual Rows|Actual Loops
    Plans|Workers|Inner Unique|Single Copy|Original Hash Buckets|Original Hash Batches
    Shared Hit Blocks|Shared Read Blocks|Shared Dirtied Blocks|Shared Written Blocks
    Local Hit Blocks|Local Read Blocks|Local Dirtied Blocks|Local Written Blocks
    Temp Read Blocks|Temp Written Blocks""".replace("\n    ", "|").split("|")
)
_COUNTED = ("hit", "read", "dirtied", "written")
_STRATEGIES = {"Hashed": "Hash", "Sorted": "Group", "Mixed": "Mixed"}


class Buffers(NamedTuple):
    """Blocks of 8 kB (`block_size`) that a node and those below it have touched.

    Attributes:
        hit: Found in the server's cache.
        read: Read from the system.
        dirtied: Changed for the first time since they were written.
        written: Written to make room.
        local: Blocks of temporary tables, of all four kinds together.
        temp: Blocks of work files, read and written.
    """

    hit: int = 0
    read: int = 0
    dirtied: int = 0
    written: int = 0
    local: int = 0
    temp: int = 0


class Trigger(NamedTuple):
    """The time that a trigger, or the check of a foreign key, has taken in all its calls.

    Attributes:
        name: Name of the trigger.
        table: Name of its table.
        calls: How often it was called.
        milliseconds: Time of all calls.
    """

    name: str
    table: str
    calls: int
    milliseconds: float


@dataclass(frozen=True, slots=True, repr=False)
class PlanNode:
    """One step of a plan. Its rows come from the steps below it.

    Times and counts of rows are those of all loops together, unlike in the server's own text. They are `None` unless
    the statement was run.

    Attributes:
        kind: The server's name of the step, such as `"Seq Scan"` or `"Hash Join"`.
        table: The table it reads or changes; for other sources the name of the function or CTE.
        schema: The table's schema, where `verbose` was asked for.
        alias: What the statement calls the table.
        index: The index it uses.
        startup_cost: Estimated cost until the first row, in the units of `seq_page_cost`.
        total_cost: Estimated cost of all rows.
        estimated_rows: Rows that the planner expects from each loop.
        width: Estimated bytes of a row.
        rows: Rows that came; with many loops about as many, because the server tells an average.
        loops: How often it was run.
        milliseconds: Time spent in it and in the steps below it, which may run in several processes at once.
        buffers: Blocks touched, where `buffers` was asked for.
        role: What it is to the step above: `"Outer"`, `"Inner"`, `"Subquery"`, `"InitPlan"`, `"SubPlan"`; empty at the
            top.
        details: Everything that the server says of it, by the server's names, such as `"Index Cond"`. Conditions hold
            constants, and the values of parameters among them.
        children: The steps below it.
    """

    kind: str
    table: str | None
    schema: str | None
    alias: str | None
    index: str | None
    startup_cost: float
    total_cost: float
    estimated_rows: float
    width: int
    rows: int | None
    loops: int | None
    milliseconds: float | None
    buffers: Buffers | None
    role: str
    details: Mapping[str, Any]
    children: tuple[PlanNode, ...]

    @property
    def own_milliseconds(self) -> float | None:
        """Time spent in this step alone, without those below it."""
        if self.milliseconds is None:
            return None
        return max(0.0, self.milliseconds - sum(child.milliseconds or 0.0 for child in self.children))

    @property
    def misjudged(self) -> float | None:
        """How many times more rows came than estimated, or fewer; at least 1. `None` unless it was run."""
        if self.rows is None or not self.loops:
            return None
        came, expected = max(1.0, self.rows / self.loops), max(1.0, self.estimated_rows)
        return max(came / expected, expected / came)

    def walk(self) -> Iterator[PlanNode]:
        """Yield this step and all below it, from the top."""
        yield self
        for child in self.children:
            yield from child.walk()

    @property
    def title(self) -> str:
        """What it does, in the words of the server's own text: `Index Scan using users_pkey on users u`."""
        details = self.details
        kind = self.kind
        if kind == "Aggregate":
            kind = f"{_STRATEGIES.get(details.get('Strategy', ''), '')}Aggregate"
        elif kind == "ModifyTable":
            kind = details.get("Operation", kind)
        join = details.get("Join Type", "Inner")
        if join != "Inner":
            kind = f"{kind.removesuffix(' Join')} {join} Join"
        if details.get("Partial Mode", "Simple") != "Simple":
            kind = f"{details['Partial Mode']} {kind}"
        if details.get("Parallel Aware"):
            kind = f"Parallel {kind}"
        if details.get("Scan Direction") == "Backward":
            kind = f"{kind} Backward"
        if self.index is not None:
            kind = f"{kind} on {self.index}" if self.kind == "Bitmap Index Scan" else f"{kind} using {self.index}"
        if self.table is not None:
            kind = f"{kind} on {f'{self.schema}.' if self.schema else ''}{self.table}"
        if self.alias is not None and self.alias != self.table:
            kind = f"{kind} {self.alias}" if self.table is not None else f"{kind} on {self.alias}"
        return kind

    def __repr__(self) -> str:
        below = f", {len(self.children)} below" if self.children else ""
        return f"<PlanNode {self.title}: cost {self.total_cost:g}, {_told_rows(self)}{below}>"


@dataclass(frozen=True, slots=True, repr=False)
class Explanation:
    """The plan of a statement; see `session.explain`.

    `str()` gives a tree to read. In it `?` and `'***'` stand for constants, the values of parameters among them;
    `tree(values=True)` shows them.

    Attributes:
        sql: The statement, as the user wrote it.
        root: The step at the top.
        analyzed: The statement was run.
        planning_ms: Milliseconds of planning; `None` unless it was run.
        execution_ms: Milliseconds of running it, triggers included.
        triggers: The triggers that were called.
        settings: Settings that bear on planning and differ from the server's defaults, where `settings` was asked for.
        data: All of it as the server said it.
    """

    sql: str
    root: PlanNode
    analyzed: bool
    planning_ms: float | None
    execution_ms: float | None
    triggers: tuple[Trigger, ...]
    settings: Mapping[str, str]
    data: Mapping[str, Any]

    def walk(self) -> Iterator[PlanNode]:
        """Yield every step, from the top."""
        return self.root.walk()

    def find(self, kind: str) -> list[PlanNode]:
        """Return the steps of a kind, such as `"Seq Scan"`."""
        return [node for node in self.walk() if node.kind == kind]

    @property
    def slowest(self) -> PlanNode | None:
        """The step that took the most time by itself; `None` unless the statement was run."""
        timed = [node for node in self.walk() if node.own_milliseconds is not None]
        return max(timed, key=lambda node: node.own_milliseconds or 0.0, default=None)

    @property
    def misjudged(self) -> PlanNode | None:
        """The step whose estimate was furthest from the rows that came; `None` unless the statement was run."""
        run = [node for node in self.walk() if node.misjudged is not None]
        return max(run, key=lambda node: node.misjudged or 0.0, default=None)

    def tree(self, *, values: bool = False, costs: bool = True, times: bool = True) -> str:
        """Return the plan as a tree of lines.

        Args:
            values: Show the constants in conditions. The values of parameters are among them.
            costs: Show the planner's costs.
            times: Show measured times and blocks.
        """
        lines = list(_lines(self.root, "", "", values=values, costs=costs, times=times))
        if times and self.execution_ms is not None:
            lines += [
                f"trigger {trigger.name} on {trigger.table}: {trigger.calls} calls, {trigger.milliseconds:g} ms"
                for trigger in self.triggers
            ]
            lines.append(f"planning {self.planning_ms or 0:g} ms, execution {self.execution_ms:g} ms")
        lines += [f"setting {name} = {value}" for name, value in self.settings.items()]
        # A name or a constant may hold anything, and a line is a line.
        return "\n".join(map(printable, lines))

    def __str__(self) -> str:
        return self.tree()

    def __repr__(self) -> str:
        told = f"cost {self.root.total_cost:g}" if self.execution_ms is None else f"{self.execution_ms:g} ms"
        count = sum(1 for _ in self.walk())
        return f"<Explanation of {brief(self.sql)!r}: {self.root.title}, {count} nodes, {told}>"


def read_explanation(sql: str, answer: Any) -> Explanation:
    """Read the answer of EXPLAIN (FORMAT JSON).

    Args:
        sql: The statement.
        answer: A text, or what it was decoded to.

    Raises:
        OperationalError: It is something else.
    """
    try:
        data = json.loads(answer) if isinstance(answer, (str, bytes)) else answer
        document = data[0]
        root = _node(document["Plan"])
    except (LookupError, TypeError, ValueError) as error:
        raise OperationalError(
            "cannot read the plan: the server's JSON came as something else; leave json_deserializer to the package",
            sql=sql,
        ) from error
    return Explanation(
        sql=sql,
        root=root,
        analyzed=root.loops is not None,
        planning_ms=document.get("Planning Time"),
        execution_ms=document.get("Execution Time"),
        triggers=tuple(
            Trigger(
                told.get("Trigger Name") or told.get("Constraint Name", ""),
                told.get("Relation", ""),
                int(told.get("Calls", 0)),
                float(told.get("Time", 0.0)),
            )
            for told in document.get("Triggers", ())
        ),
        settings=dict(document.get("Settings", {})),
        data=document,
    )


def _node(told: Mapping[str, Any]) -> PlanNode:
    loops = told.get("Actual Loops")
    took = told.get("Actual Total Time")
    rows = told.get("Actual Rows")
    table = told.get("Relation Name") or told.get("CTE Name") or told.get("Function Name")
    return PlanNode(
        kind=told["Node Type"],
        table=table,
        schema=told.get("Schema"),
        alias=told.get("Alias"),
        index=told.get("Index Name"),
        startup_cost=told.get("Startup Cost", 0.0),
        total_cost=told.get("Total Cost", 0.0),
        estimated_rows=told.get("Plan Rows", 0),
        width=told.get("Plan Width", 0),
        # The server tells the average of a loop.
        rows=None if rows is None or loops is None else round(rows * loops),
        loops=loops,
        milliseconds=None if took is None or loops is None else took * loops,
        buffers=_buffers(told),
        role=told.get("Parent Relationship", ""),
        details=told,
        children=tuple(map(_node, told.get("Plans", ()))),
    )


def _buffers(told: Mapping[str, Any]) -> Buffers | None:
    if "Shared Hit Blocks" not in told:
        return None

    def count(kind: str, what: str) -> int:
        return int(told.get(f"{kind} {what.title()} Blocks", 0))

    hit, read, dirtied, written = (count("Shared", what) for what in _COUNTED)
    local = sum(count("Local", what) for what in _COUNTED)
    return Buffers(hit, read, dirtied, written, local, count("Temp", "read") + count("Temp", "written"))


# -- the tree -------------------------------------------------------------------------------------------------


def _lines(node: PlanNode, first: str, rest: str, *, values: bool, costs: bool, times: bool) -> Iterator[str]:
    facts = [_told_rows(node)]
    if costs:
        facts.append(f"cost {node.total_cost:g}")
    if times and node.milliseconds is not None:
        facts.append(f"{node.milliseconds:.3f} ms")
    if times and node.buffers is not None:
        facts.append(_told_buffers(node.buffers))
    name = node.details.get("Subplan Name")
    yield f"{first}{f'{name}: ' if name else ''}{node.title}  ({', '.join(facts)})"
    deeper = f"{rest}{'│  ' if node.children else '   '}"
    for label, value in node.details.items():
        if label not in _TOLD and value not in (None, "", [], False):
            yield f"{deeper}{label}: {_told(value, values)}"
    for number, child in enumerate(node.children, 1):
        last = number == len(node.children)
        yield from _lines(
            child,
            f"{rest}{'└─ ' if last else '├─ '}",
            f"{rest}{'   ' if last else '│  '}",
            values=values,
            costs=costs,
            times=times,
        )


def _told_rows(node: PlanNode) -> str:
    estimated = f"{node.estimated_rows * (node.loops or 1):g}"
    if node.loops == 0:
        return "never run"
    if node.rows is None:
        return f"{estimated} rows expected"
    loops = f" in {node.loops} loops" if node.loops != 1 else ""
    return f"{node.rows} rows{loops}, {estimated} expected"


def _told_buffers(buffers: Buffers) -> str:
    counts = [f"{count} {name}" for name, count in buffers._asdict().items() if count]
    return f"blocks: {' '.join(counts) or 'none'}"


def _told(value: Any, values: bool) -> str:
    if isinstance(value, list):
        return ", ".join(_told(item, values) for item in value)
    if isinstance(value, dict):  # such as the groups of an incremental sort
        pairs = ((name, _told(item, values), isinstance(item, dict)) for name, item in value.items())
        return ", ".join(f"{name}: {f'({told})' if nested else told}" for name, told, nested in pairs)
    if isinstance(value, str) and not values:
        return _number("?", _runs("'***'", without_literals(value)))
    return f"{value:g}" if isinstance(value, float) else str(value)
