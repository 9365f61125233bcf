"""Parts of a source that are read side by side: ranges of pages, or of a column's values."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from sqlspec.etl._source import ALL, Part
from sqlspec.postgres.sql import quote_literal

if TYPE_CHECKING:
    from sqlspec.etl._source import Source

__all__ = ("bounds_query", "key_parts", "page_parts", "pages_query", "parts_that_fit", "sizes_of")

WORTHWHILE = 4096
"""Pages (32 MB) from which on a second reader is worth its connection."""

# What has no pages of its own (a foreign table) or another storage than the usual one gives -1. So does a table that
# may be read in some columns only: the place of a row is none of them. Before version 14 a range of pages is found by
# reading all of them.
_PAGES = """\
with recursive tree(oid) as (
  select %d::pg_catalog.oid
  union all select i.inhrelid from pg_catalog.pg_inherits i join tree on i.inhparent = tree.oid
)
select (case
    when not pg_catalog.has_table_privilege(%d, 'select') then -1
    when c.relkind = 'p' then 0
    when c.relkind not in ('r', 'm') or a.amname <> 'heap' then -1
    when pg_catalog.current_setting('server_version_num')::pg_catalog.int4 < 140000 then -1
    else pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::pg_catalog.int8
  end)::pg_catalog.text
from tree join pg_catalog.pg_class c on c.oid = tree.oid left join pg_catalog.pg_am a on a.oid = c.relam"""


def pages_query(oid: int) -> str:
    """Return the query for the sizes, in pages, of a table and of all that are part of it or inherit from it."""
    return _PAGES % (oid, oid)


def sizes_of(rows: Sequence[Sequence[str | None]]) -> list[int]:
    """Return the sizes that `pages_query` gives; empty when one of the tables has no pages to tell its rows by."""
    sizes = [int(size or -1) for (size,) in rows]
    return [] if min(sizes, default=-1) < 0 else sizes


def parts_that_fit(sizes: Sequence[int]) -> int:
    """Return how many readers a table is worth."""
    return 2 if sum(sizes) >= WORTHWHILE else 1


def page_parts(sizes: Sequence[int], count: int) -> list[Part]:
    """Divide a table by the numbers of its pages, so that each part has about as many pages as the others.

    Args:
        sizes: Pages of each of its own tables: a page number stands for one page in each that has so many.
        count: Parts at most.
    """
    bounds: list[int] = []
    for number in range(1, count):
        low, high = 0, max(sizes, default=0)
        while low < high:
            middle = (low + high) // 2
            if sum(min(size, middle) for size in sizes) * count < sum(sizes) * number:
                low = middle + 1
            else:
                high = middle
        bounds.append(low)
    places = [quote_literal(f"({bound},0)") + "::pg_catalog.tid" for bound in sorted(set(bounds) - {0})]
    return _ranges("ctid", places, "")


def bounds_query(source: Source, key: int, count: int) -> str:
    """Return the query for the values that divide a column into parts of about as many rows each."""
    shares = ", ".join(str(number / count) for number in range(1, count))
    column = source.expressions()[key]
    item = (
        "pg_catalog.format('%s', pg_catalog.unnest("
        f"pg_catalog.percentile_disc(array[{shares}]::pg_catalog.float8[]) within group (order by {column})))"
    )
    return source.select([item])


def key_parts(source: Source, key: int, rows: Sequence[Sequence[str | None]]) -> list[Part]:
    """Divide a source at the values that `bounds_query` gives."""
    column = source.expressions()[key]
    places = [quote_literal(bound) for bound in dict.fromkeys(bound for (bound,) in rows) if bound is not None]
    return _ranges(column, places, f" or {column} is null")


def _ranges(column: str, places: Sequence[str], others: str) -> list[Part]:
    """Return the ranges between some places; the first has what is in none of them, too."""
    if not places:
        return [ALL]
    inner = [Part(f"{column} >= {low} and {column} < {high}") for low, high in pairwise(places)]
    return [Part(f"{column} < {places[0]}{others}"), *inner, Part(f"{column} >= {places[-1]}")]
