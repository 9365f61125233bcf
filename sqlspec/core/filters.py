"""Filters that are added to a statement: conditions, order, limit and offset, counting.

The statement's text stays as written. Order, limit and offset are appended to a query that has none of them;
in any other case the text is enclosed, `select * from (<text>) as q`, and the filters follow. They then see
the output columns of the statement and nothing else, which makes them mean the same for every query: a join,
a grouping, a union.

Parameters continue the statement's own placeholder style. Values never enter the text, so that equal filters
give equal text, whatever their values are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from sqlspec.core._clauses import clause_words, require_expression
from sqlspec.core.arguments import MAX_NAME_BYTES, choice, flag, is_whole, items_of, texts
from sqlspec.core.parameters import AMBIGUOUS, bind_positional
from sqlspec.core.scan import Scan, parameter_names, scan
from sqlspec.exceptions import NotSupportedError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = (
    "BeforeAfter",
    "Count",
    "Equals",
    "Filter",
    "InCollection",
    "LimitOffset",
    "OrderBy",
    "Search",
    "Where",
    "compose",
)

MOST_ROWS = 2**63 - 1
"""The server counts rows in 64 bits."""

ALIAS = "q"
"""Name of the enclosed statement. Conditions may qualify its columns with it."""

_NAMED = frozenset({"named", "pyformat"})


@dataclass(frozen=True, slots=True)
class LimitOffset:
    """Skip `offset` rows, then take at most `limit`. `None` leaves what an earlier filter said."""

    limit: int | None = field(default=None, repr=False)
    offset: int | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name, value in (("limit", self.limit), ("offset", self.offset)):
            if value is not None and not is_whole(value, 0, MOST_ROWS):
                raise ParameterError(f"cannot set {name}: it must be an int that is not negative; pass one")


@dataclass(frozen=True, slots=True)
class OrderBy:
    """Sort by a column. Of several such filters the first is the main key.

    Attributes:
        column: A name, taken literally and quoted; `table.column` where the statement need not be enclosed.
        desc: Largest first.
        nulls: Where NULL goes; the server puts it last, and first with `desc` (PostgreSQL manual, 7.5).
    """

    column: str
    desc: bool = False
    nulls: Literal["first", "last"] | None = None

    def __post_init__(self) -> None:
        quoted(self.column)
        object.__setattr__(self, "desc", flag("desc", self.desc))
        if self.nulls is not None:
            choice("nulls", self.nulls, ("first", "last"))

    @property
    def text(self) -> str:
        """Return the sort key as SQL."""
        nulls = f" nulls {self.nulls}" if self.nulls else ""
        return quoted(self.column) + (" desc" if self.desc else "") + nulls


@dataclass(frozen=True, slots=True, init=False)
class Where:
    """Keep rows for which an expression is true.

    The expression is SQL text with placeholders and parameters of its own: its `$1` is the first of *its*
    parameters. A name that it is given no value for is that parameter of the statement.

    Attributes:
        text: The expression.
        params: Its positional parameters.
        named: Its named parameters.
    """

    text: str
    params: tuple[Any, ...] = field(repr=False)
    named: dict[str, Any] = field(repr=False)
    scanned: Scan = field(repr=False, compare=False)

    def __init__(self, text: str, /, *params: Any, **named: Any) -> None:
        require_expression(text)
        scanned = scan(text)
        values: Sequence[Any] = ()
        if scanned.style in _NAMED:
            named = _mapping_of(params, named)
            unused = sorted(set(named).difference(parameter_names(scanned)))
            if unused:
                raise ParameterError(f"unused parameters: {', '.join(unused)}; the condition has no such placeholders")
        else:
            values = bind_positional(_arity(scanned), params, named)
        object.__setattr__(self, "text", text)
        object.__setattr__(self, "params", tuple(values))
        object.__setattr__(self, "named", dict(named))
        object.__setattr__(self, "scanned", scanned)


@dataclass(frozen=True, slots=True)
class Equals:
    """Keep rows whose column has a value; `None` stands for NULL."""

    column: str
    value: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class InCollection:
    """Keep rows whose column has one of the values, or with `negate` none of them.

    The values are one array parameter, so their number does not change the text. NULL equals nothing: rows
    with NULL in the column are never kept, except by `negate` with no values at all.
    """

    column: str
    values: Iterable[Any] = field(repr=False)
    negate: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", items_of("a collection", self.values, "values"))
        object.__setattr__(self, "negate", flag("negate", self.negate))


@dataclass(frozen=True, slots=True)
class BeforeAfter:
    """Keep rows whose column lies between two values; `None` leaves a side open.

    Attributes:
        column: Name of the column.
        before: Upper bound.
        after: Lower bound.
        inclusive: The bounds themselves are kept too.
    """

    column: str
    before: Any = field(default=None, repr=False)
    after: Any = field(default=None, repr=False)
    inclusive: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "inclusive", flag("inclusive", self.inclusive))


@dataclass(frozen=True, slots=True)
class Search:
    """Keep rows in which one of the columns contains a text, which is taken literally.

    Attributes:
        columns: Names of text columns, or one name.
        text: The text to look for.
        ignore_case: Compare without regard to case (ILIKE).
    """

    columns: str | tuple[str, ...]
    text: str = field(repr=False)
    ignore_case: bool = False

    def __post_init__(self) -> None:
        columns = (self.columns,) if isinstance(self.columns, str) else texts("columns", self.columns)
        if not all(columns) or not columns:
            raise ParameterError("cannot search: no columns given; name at least one")
        if not isinstance(self.text, str):
            raise ParameterError(f"cannot search: {type(self.text).__name__} given for the text; pass a str")
        object.__setattr__(self, "columns", columns)
        object.__setattr__(self, "ignore_case", flag("ignore_case", self.ignore_case))


@dataclass(frozen=True, slots=True)
class Count:
    """Give the number of rows, in one row and column, instead of the rows."""


Filter: TypeAlias = LimitOffset | OrderBy | Where | Equals | InCollection | BeforeAfter | Search | Count
_Condition: TypeAlias = Where | Equals | InCollection | BeforeAfter | Search


def quoted(name: str) -> str:
    """Quote a column name; dots separate its qualifiers.

    Raises:
        ParameterError: It is no text, or a part is none that a column can have.
    """
    parts = name.split(".") if isinstance(name, str) else [""]
    if not all(map(_is_name, parts)):
        raise ParameterError(
            "cannot quote a column name: it is no text, or a part of it is empty, holds NUL or half of a surrogate "
            f"pair, or has more than {MAX_NAME_BYTES} bytes; pass 'column' or 'table.column'"
        )
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def _is_name(part: str) -> bool:
    try:
        # The server would cut off a longer one, and take it for the name of another column.
        return 0 < len(part.encode()) <= MAX_NAME_BYTES and "\0" not in part
    except UnicodeEncodeError:
        return False


def compose(
    text: str, params: tuple[Any, ...], named: Mapping[str, Any], filters: Sequence[Filter]
) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    """Apply filters to a statement.

    Conditions come first, then order, then offset and limit, then counting, whatever the order of `filters`.

    Args:
        text: The statement.
        params: Positional parameters, or one sequence or mapping of them, as the session's methods take them.
        named: Named parameters.
        filters: What to apply.

    Returns:
        Text in the statement's placeholder style, and its parameters in the same form as given.

    Raises:
        NotSupportedError: The statement is no query, or more than one.
        ParameterError: The parameters do not fit, or a column name or a condition cannot be used.
    """
    scanned = scan(text)
    body = _query_text(text, scanned)
    values = _Values(scanned, params, named)
    conditions = [each for each in filters if isinstance(each, _Condition)]
    counting = any(isinstance(each, Count) for each in filters)
    # Counting needs no order: not even a limit changes how many rows there are with the order.
    keys = [] if counting else [each for each in filters if isinstance(each, OrderBy)]
    limit, offset = _limits(filters)
    limited = limit is not None or offset is not None
    enclosed = bool(conditions) or _must_enclose(body, scanned, bool(keys), limited)
    if enclosed or not (keys or limited):
        selected = "count(*)" if counting and not limited else "*"
        enclosed = True
        body = f"select {selected} from (\n{body}\n) as {ALIAS}"
    clauses = [_condition(each, values) for each in conditions]
    if clauses:
        body += "\nwhere " + "\n  and ".join(clauses)
    if enclosed:
        for each in (*conditions, *keys):
            _require_visible(each)
    if keys:
        body += "\norder by " + ", ".join(key.text for key in keys)
    for word, value in (("limit", limit), ("offset", offset)):
        if value is not None:
            body += f"\n{word} {values.add(value, word)}"
    if counting and limited:
        body = f"select count(*) from (\n{body}\n) as {ALIAS}"
    return (body, *values.result())


def _query_text(text: str, scanned: Scan) -> str:
    if len(scanned.statements) != 1:
        raise NotSupportedError(
            f"cannot apply filters: the text holds {len(scanned.statements)} statements; give one query",
            sql=text,
        )
    if scanned.verb not in ("SELECT", "VALUES", "TABLE") or not scanned.can_enclose:
        found = "SELECT INTO" if scanned.verb == "SELECT" else scanned.verb
        raise NotSupportedError(
            f"cannot apply filters: the statement is {found}; give a query (SELECT, VALUES, TABLE, WITH)",
            sql=text,
        )
    return text[: scanned.statements[0][1]]


def _must_enclose(body: str, scanned: Scan, ordered: bool, limited: bool) -> bool:
    if not (ordered or limited):
        return False
    if body.startswith("(", scanned.main_verb_at):
        # Parentheses around a query do not separate it: `(select 1 limit 2) limit 1` has two limits.
        return True
    words = clause_words(body)
    if ordered and not words.isdisjoint({"order", "for"}):
        return True
    return not words.isdisjoint({"limit", "offset", "fetch"})


def _limits(filters: Iterable[Filter]) -> tuple[int | None, int | None]:
    limit: int | None = None
    offset: int | None = None
    for each in filters:
        if isinstance(each, LimitOffset):
            limit = limit if each.limit is None else each.limit
            offset = offset if each.offset is None else each.offset
    return limit, offset


def _require_visible(each: Filter) -> None:
    columns: tuple[str, ...] = ()
    if isinstance(each, Search):
        columns = _columns(each)
    elif isinstance(each, (OrderBy, Equals, InCollection, BeforeAfter)):
        columns = (each.column,)
    for column in columns:
        qualifier, dot, _ = column.rpartition(".")
        if dot and qualifier != ALIAS:
            raise ParameterError(
                f"cannot filter by {column!r}: the statement is enclosed, which hides its tables; "
                "name an output column of the statement without qualifier"
            )


def _columns(search: Search) -> tuple[str, ...]:
    return (search.columns,) if isinstance(search.columns, str) else tuple(search.columns)


def _condition(each: _Condition, values: _Values) -> str:
    if isinstance(each, Where):
        # On lines of its own: a comment at its end must not hide the parenthesis.
        return f"(\n{_fragment(each, values)}\n)"
    if isinstance(each, Equals):
        column = quoted(each.column)
        if each.value is None:
            return f"{column} is null"
        return f"{column} = {values.add(each.value, 'where')}"
    if isinstance(each, InCollection):
        test = "<> all" if each.negate else "= any"
        return f"{quoted(each.column)} {test} ({values.add(each.values, 'where')})"
    if isinstance(each, BeforeAfter):
        equal = "=" if each.inclusive else ""
        bounds = ((f"<{equal}", each.before), (f">{equal}", each.after))
        tests = [
            f"{quoted(each.column)} {operator} {values.add(value, 'where')}"
            for operator, value in bounds
            if value is not None
        ]
        return " and ".join(tests) or "true"
    pattern = each.text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    operator = "ilike" if each.ignore_case else "like"
    tests = [f"{quoted(name)} {operator} {values.add(f'%{pattern}%', 'where')}" for name in _columns(each)]
    return tests[0] if len(tests) == 1 else f"({' or '.join(tests)})"


def _fragment(where: Where, values: _Values) -> str:
    """Return the text of a condition in the style of the statement; its values are added."""
    scanned, style = where.scanned, values.style
    if scanned.style is None:
        return where.text
    same = scanned.style == style
    if not same and style in ("format", "pyformat", "qmark"):
        # There `%` or `?` needs an escape that text written in another style does not have.
        raise ParameterError(
            f"cannot add the condition: its placeholders are {scanned.style} and those of the statement are "
            f"{style}; write it in the style of the statement"
        )
    issued: dict[Any, str] = {}
    edits: list[tuple[int, int, str]] = []
    for ordinal, (start, end, _, name) in enumerate(scanned.placeholders):
        key = ordinal if name is None else name
        if key not in issued:
            issued[key] = _placeholder(where, key, same, values)
        edits.append((start, end, issued[key]))
    if not same:
        edits += [(start, end, where.text[start]) for start, end in scanned.escapes]
        edits.sort()
    parts: list[str] = []
    last = 0
    for start, end, replacement in edits:
        parts += (where.text[last:start], replacement)
        last = end
    return "".join((*parts, where.text[last:]))


def _placeholder(where: Where, key: Any, same: bool, values: _Values) -> str:
    if not isinstance(key, str):
        index = key - 1 if where.scanned.style == "numeric" else key
        return values.add(where.params[index], "where")
    if key in where.named:
        return values.add(where.named[key], key)
    if same and key in values.names:
        return values.spell(key)
    raise ParameterError(f"missing parameters: {key}; pass it with the condition")


class _Values:
    """The parameters of a statement, to which filters add theirs.

    Attributes:
        style: Placeholder style of the result. A text without placeholders gets `$n`, beside which every
            other character is just text.
        names: Names in use.
    """

    def __init__(self, scanned: Scan, params: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        self.style = scanned.style or "numeric"
        self.names = set(parameter_names(scanned))
        self._positional: list[Any] = []
        self._named: dict[str, Any] = {}
        if self.style in _NAMED:
            self._named = dict(_mapping_of(params, named))
        else:
            self._positional = list(bind_positional(_arity(scanned), params, named))

    def add(self, value: Any, hint: str) -> str:
        """Add one value; return its placeholder."""
        if self.style not in _NAMED:
            self._positional.append(value)
            return self.spell(len(self._positional))
        name, number = hint, 1
        while name in self.names or name in self._named:
            number += 1
            name = f"{hint}_{number}"
        self.names.add(name)
        self._named[name] = value
        return self.spell(name)

    def spell(self, key: str | int) -> str:
        """Return the placeholder of a name or number."""
        return _SPELLINGS[self.style](key)

    def result(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return positional and named parameters, as the methods of a session take them."""
        values = tuple(self._positional)
        if len(values) == 1 and type(values[0]) in AMBIGUOUS:
            # Alone, a container would be taken for the sequence of parameters.
            values = (values,)
        return values, self._named


_SPELLINGS: dict[str, Callable[[Any], str]] = {
    "numeric": "${}".format,
    "named": ":{}".format,
    "pyformat": "%({})s".format,
    "format": lambda _: "%s",
    "qmark": lambda _: "?",
}


def _arity(scanned: Scan) -> int:
    if scanned.style == "numeric":
        return max(int(hit.name or 0) for hit in scanned.placeholders)
    return len(scanned.placeholders)


def _mapping_of(params: tuple[Any, ...], named: Mapping[str, Any]) -> dict[str, Any]:
    if not params:
        return dict(named)
    if len(params) != 1 or not hasattr(params[0], "keys"):
        raise ParameterError(
            "parameters without names given: the placeholders have names; pass one mapping or keywords"
        )
    if named:
        raise ParameterError("a mapping and keyword parameters given: the source is ambiguous; pass one of them")
    return dict(params[0])
