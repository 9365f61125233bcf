"""Every Arrow type into every column type: the value arrives as it is, or is refused and nothing is stored.

What should be stored follows from the meaning of both sides (`meaning.py`), not from what a load is said to support.
Only `Target.takes` says what must not be refused.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pytest

from sqlspec.exceptions import DataError, IntegrityError, ParameterError, SQLSpecError
from sqlspec.postgres.sql import quote_literal
from tests.integration.arrow.meaning import READ_AS, Unfit, meaning, read, wanted
from tests.integration.arrow.sources import COLUMNS, DDL, SOURCES, TARGETS, Target

# One flavour for each technique tries every pair; the others what one of each family of columns takes.
FULL = ("asyncpg", "pyro-sync")
SOME = ("psycopg", "psycopg-sync", "psqlpy", "pyro")

# Values that are tried one by one in a column that must refuse them.
MOST = 6

Ask = Callable[[str, str], "str | None"]


def expression(target: Target) -> str:
    return READ_AS.get(target.family, "{}::text").format(f'"{target.key}"')


@pytest.fixture(scope="module")
def ask(server: Any) -> Ask:
    """What the server stores for a text: one statement for each column, in a row that is always there."""
    server.run(f"""{DDL}
        create table one_row (like pairs_table);
        insert into one_row default values;
        create function stored(field text, shown text, given text) returns text language plpgsql as $$
        declare answer text;
        begin
          execute format('update one_row set %I = %L returning %s', field, given, shown) into answer;
          return coalesce(answer, 'NULL');
        exception when others then return null;
        end $$""")
    known: dict[tuple[str, str], str | None] = {}

    def answer(key: str, text: str) -> str | None:
        if (key, text) not in known:
            target = next(target for target in TARGETS if target.key == key)
            values = ", ".join(map(quote_literal, (key, expression(target), text)))
            ((known[key, text],),) = server.rows(f"select stored({values})")
        return known[key, text]

    return answer


class Loads:
    """Loads of one array into one column after the other, inside one transaction."""

    def __init__(self, session: Any, source: str, ask: Ask) -> None:
        self.session, self.name, self.ask = session, source, ask
        self.array = SOURCES[source]
        self.problems: list[str] = []

    async def load(self, target: Target, rows: list[int]) -> Exception | None:
        """Load some rows, and compare what is stored."""
        # Slices, because not every type has a kernel that takes rows.
        given = pa.concat_arrays([self.array.slice(row, 1) for row in rows])
        table = pa.table({"given": given, "number": pa.array(range(len(rows)))})
        try:
            job = await self.session.load_from_arrow(
                "pairs_table", table, columns={"given": target.key, "number": "number"}
            )
        except SQLSpecError as error:
            if not isinstance(error, DataError | ParameterError | IntegrityError):
                self.problem(target, f"refused as {error!r}")
            count = await self.session.select_value("select count(*) from pairs_table")
            if count:
                self.problem(target, f"refused, and {count} rows are stored")
            # What only the server checks, such as a domain, it reports in its own way.
            if not isinstance(error, IntegrityError) and f"'{target.key}'" not in str(error).replace('"', "'"):
                self.problem(target, f"the refusal does not name the column: {error}")
            return error
        stored = await self.session.select(f"select {expression(target)} as v from pairs_table order by number")
        await self.session.execute("delete from pairs_table")
        if job.rows != len(rows) or len(stored) != len(rows):
            self.problem(target, f"{len(rows)} rows sent, {len(stored)} stored, {job.rows} counted")
        for row, found in zip(rows, stored, strict=False):
            value = meaning(self.array[row])
            try:
                right = wanted(target, value, self.ask)
            except Unfit:
                right = []
            if read(target, found["v"]) not in right:
                self.problem(target, f"row {row}, {value!r:.120}: stored {found['v']!r:.120}, not {right!r:.120}")
        return None

    def problem(self, target: Target, text: str) -> None:
        self.problems.append(f"{self.name} -> {target.type}: {text}")

    async def refused(self, targets: Sequence[Target]) -> set[str]:
        """Load a NULL into all columns at once; return those that do not take the type: the error lists them all."""
        names = [target.key for target in targets]
        table = pa.table({name: pa.nulls(1, self.array.type) for name in names})
        try:
            await self.session.load_from_arrow("pairs_table", table)
        except (DataError, ParameterError) as error:
            assert await self.session.select_value("select count(*) from pairs_table") == 0
            found = set(re.findall(r"column ['\"](\w+)['\"]", str(error)))
            self.problems += [f"{self.name} -> {name}: refused" for name in found if self.must(COLUMNS[name])]
            assert found, error
            return found
        assert await self.session.select_value("select count(*) from pairs_table") == 1
        await self.session.execute("delete from pairs_table")
        return set()

    def must(self, target: Target) -> bool:
        return self.name == "null" or self.name in target.takes

    async def into(self, target: Target) -> None:
        """Try every value of the array."""
        fits, unfit = [], []
        for row, scalar in enumerate(self.array):
            try:
                wanted(target, meaning(scalar), self.ask)
            except Unfit:
                unfit.append(row)
            else:
                fits.append(row)
        refusal = await self.load(target, fits) if fits else None
        if refusal is not None and self.must(target):
            await self.narrow(target, fits)
        supported = bool(fits) and refusal is None
        if not self.must(target) and unfit and not supported:
            if await self.load(target, list(range(len(self.array)))) is None:
                self.problem(target, "nothing is refused")
            return
        # All of a few, some of many; other ones for each column.
        step = -(-len(unfit) // MOST)
        for row in unfit[TARGETS.index(target) % max(step, 1) :: max(step, 1)]:
            error = await self.load(target, [*fits, row, row])
            if error is None:
                self.problem(target, f"row {row} is not refused")
            elif supported and not isinstance(error, IntegrityError) and f"row {len(fits)} " not in f"{error} ":
                self.problem(target, f"the refusal of {meaning(self.array[row])!r:.90} does not name the row: {error}")

    async def narrow(self, target: Target, fits: list[int]) -> None:
        """Find the values that are wrongly refused."""
        for row in fits:
            error = await self.load(target, [row])
            if error is not None and not is_rounded(target, meaning(self.array[row])):
                self.problem(target, f"row {row}, {meaning(self.array[row])!r:.90} is refused: {error}")


def is_rounded(target: Target, value: Any) -> bool:
    """Tell a number that a float column holds only nearly: it may be refused."""
    if value is None or target.family not in ("float4", "float8") or value.kind == "text":
        return False
    (stored,) = wanted(target, value, lambda key, text: None)
    held = float("nan") if stored == "NaN" else struct.unpack(">d", stored)[0]
    number = value.value[0] if value.kind == "float" else value.value
    return not (held == number or held != held)


@pytest.mark.only(*FULL)
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("source", SOURCES)
async def test_every_pair(session: Any, ask: Ask, source: str) -> None:
    loads = Loads(session, source, ask)
    async with session.transaction():
        refused = await loads.refused(TARGETS)
        for target in TARGETS:
            if target.key not in refused:
                await loads.into(target)
        await session.execute("delete from pairs_table")
    assert not loads.problems, "\n".join(loads.problems)


@pytest.mark.only(*SOME)
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.key)
async def test_what_a_column_takes(session: Any, ask: Ask, target: Target) -> None:
    problems = []
    for source in dict.fromkeys([*target.takes[:1], *target.takes[-1:], "null", "bool", "int64"]):
        loads = Loads(session, source, ask)
        async with session.transaction():
            await loads.into(target)
            await session.execute("delete from pairs_table")
        problems += loads.problems
    assert not problems, "\n".join(problems)
