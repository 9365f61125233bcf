"""SQL text with its parameters and filters, as an immutable value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from sqlspec.core.arguments import is_whole
from sqlspec.core.filters import MOST_ROWS, Count, Equals, Filter, LimitOffset, OrderBy, Where, compose
from sqlspec.exceptions import ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ("SQL",)


@dataclass(frozen=True, slots=True, init=False, eq=False)
class SQL:
    """A statement with its parameters, to which filters can be added.

    Each method returns a new object. The text stays as written: filters are put around and behind it. How
    they are combined does not depend on the order of the calls: conditions, order, offset and limit, count.

    Conditions, and an order where the statement has one already, see the output columns of the statement.

        SQL("select id, name from users where age > $1", 18).where(name="Ann").order_by("id").limit(10)

    Attributes:
        text: The statement, as written.
        params: Its positional parameters, as given.
        named: Its named parameters. Not to be changed.
        filters: What is applied to it.
    """

    text: str
    params: tuple[Any, ...] = ()
    named: dict[str, Any] = field(default_factory=dict)
    filters: tuple[Filter, ...] = ()

    # Compared and hashed by identity: parameters are often unhashable, arrays do not even compare to a bool.

    def __init__(self, text: str, /, *params: Any, **named: Any) -> None:
        if not isinstance(text, str):
            raise ParameterError(f"cannot make a statement: {type(text).__name__} given for its text; pass a str")
        _set(self, text, params, named, ())

    def __repr__(self) -> str:
        # Values stay out of logs.
        count = len(self.params) + len(self.named)
        filters = f", filters={self.filters!r}" if self.filters else ""
        return f"SQL({self.text!r}, <{count} parameters>{filters})"

    def filter(self, *filters: Filter) -> SQL:
        """Add filters from `sqlspec.core.filters`, such as `InCollection` or `Search`.

        Raises:
            ParameterError: The statement counts already, or something else than a filter is given.
        """
        for each in filters:
            if not isinstance(each, Filter):
                raise ParameterError(f"cannot add a filter: {type(each).__name__} given; pass a filter object")
        if filters and any(isinstance(each, Count) for each in self.filters):
            raise ParameterError("cannot add a filter: the statement counts rows; call count() last")
        return self._with((*self.filters, *filters))

    def where(self, condition: str | None = None, /, *params: Any, **named: Any) -> SQL:
        """Keep the rows that meet a condition. Several conditions must all be met.

        Args:
            condition: An SQL expression over the statement's output columns, with placeholders of its own.
                Without it the keywords are columns and the values that these must have; `None` is NULL.
            params: Positional parameters of the condition.
            named: Named parameters of the condition; or columns and values.

        Raises:
            ParameterError: The text is no single expression, or its parameters do not fit.
            SQLParsingError: A quote or comment in it is not closed.
        """
        if condition is not None:
            return self.filter(Where(condition, *params, **named))
        if params:
            raise ParameterError("cannot add a condition: values given without text; pass the condition first")
        return self.filter(*(Equals(column, value) for column, value in named.items()))

    def order_by(self, *columns: str, desc: bool = False, nulls: Literal["first", "last"] | None = None) -> SQL:
        """Sort by columns, after the keys that were added before.

        Args:
            columns: Names, taken literally and quoted. `table.column` is possible for a query without ORDER
                BY, LIMIT and conditions added here.
            desc: Largest first, for all of these columns.
            nulls: Where NULL goes; the server's rule is last, and first with `desc`.

        Raises:
            ParameterError: A name cannot be quoted.
        """
        return self.filter(*(OrderBy(column, desc, nulls) for column in columns))

    def limit(self, count: int) -> SQL:
        """Take at most `count` rows; a later call replaces this.

        Raises:
            ParameterError: It is no int, or negative.
        """
        return self.filter(LimitOffset(limit=_required(count, 0, "limit")))

    def offset(self, count: int) -> SQL:
        """Skip `count` rows; a later call replaces this.

        Raises:
            ParameterError: It is no int, or negative.
        """
        return self.filter(LimitOffset(offset=_required(count, 0, "offset")))

    def paginate(self, page: int = 1, page_size: int = 50) -> SQL:
        """Take one page: `limit` and `offset` in one call.

        Args:
            page: Number of the page, counted from 1.
            page_size: Rows on a page.

        Raises:
            ParameterError: One of them is no int, or less than 1.
        """
        size = _required(page_size, 1, "page_size")
        return self.filter(LimitOffset(size, (_required(page, 1, "page") - 1) * size))

    def count(self) -> SQL:
        """Return the statement that counts the rows of this one, limit and offset included."""
        return self if Count() in self.filters else self.filter(Count())

    def total(self) -> SQL:
        """Return the statement that counts the rows that this one has without limit and offset."""
        return self._with(
            (*(each for each in self.filters if not isinstance(each, (LimitOffset, OrderBy, Count))), Count())
        )

    def render(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        """Return the text to run, with positional and named parameters.

        The text has the placeholders of the statement's own style, `$n` if it has none. It holds no value:
        equal filters give equal text.

        Raises:
            NotSupportedError: There are filters and the statement is no query.
            ParameterError: Parameters or column names do not fit.
        """
        if not self.filters:
            return self.text, self.params, self.named
        return compose(self.text, self.params, self.named, self.filters)

    def _with(self, filters: Sequence[Filter]) -> SQL:
        made = object.__new__(SQL)
        _set(made, self.text, self.params, self.named, tuple(filters))
        return made


def _set(
    statement: SQL, text: str, params: tuple[Any, ...], named: dict[str, Any], filters: tuple[Filter, ...]
) -> None:
    object.__setattr__(statement, "text", text)
    object.__setattr__(statement, "params", params)
    object.__setattr__(statement, "named", named)
    object.__setattr__(statement, "filters", filters)


def _required(value: int, least: int, name: str) -> int:
    if not is_whole(value, least, MOST_ROWS):
        raise ParameterError(f"cannot use {name}: an int of at least {least} is needed; pass one")
    return value
