"""Functions that make objects of rows: compiled ones, or ones written out as Python source.

The two do the same. Where the objects are made by C code, as dicts and Structs are, the compiled module does it
without a step of the interpreter. A class whose constructor is Python code gains nothing from that: for it, and where
the module was not compiled, a function is generated in which neither a loop over fields nor a dict of keyword arguments
remains. Column names enter its source only as string literals.
"""

from __future__ import annotations

import keyword
import linecache
import weakref
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, cast

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

try:
    from sqlspec.core import _rows as compiled
except ImportError:
    compiled = None  # type: ignore[assignment]

__all__ = ("Explain", "Form", "Shape", "Value", "compiled", "generated", "rows_maker")

Form = Literal["call", "dict", "tuple", "named", "scalar"]


class Explain(Protocol):
    """Raises the error for rows that cannot be mapped; returns when `error` came from elsewhere."""

    def __call__(self, rows: Sequence[Any], error: Exception | None = None) -> None: ...


class Value(NamedTuple):
    """One value of what is made.

    Attributes:
        column: Its position among the columns.
        key: Name of the argument or key; `None`: it is passed by position, before all that have one.
        nullable: It may be `None`, which is not converted then.
        convert: Turns the column's value into this one.
        admits: Tells whether a value of the column may be of that class; `None`: of any.
    """

    column: int
    key: str | None
    nullable: bool
    convert: Callable[[Any], Any] | None = None
    admits: Callable[[type], bool] | None = None


class Shape(NamedTuple):
    """What is made of a row.

    Attributes:
        form: `"call"`: the result of calling `kind`. `"named"`: an instance of `kind`, a tuple class, made past its
            constructor. `"dict"`, `"tuple"`. `"scalar"`: the only value itself.
        kind: The class; `None` for the forms that have none.
        values: In the order of arguments, keys or items.
        width: Number of columns.
        name: For tracebacks.
    """

    form: Form
    kind: Any
    values: tuple[Value, ...]
    width: int
    name: str


def rows_maker(shape: Shape, explain: Explain) -> Callable[[Sequence[Any]], list[Any]]:
    """Return the function from rows to objects.

    Args:
        shape: What it makes of a row.
        explain: Raises the error for NULL and for classes that are not admitted; called after any other failure too
            where values are converted.
    """
    struct = shape.form == "call" and isinstance(shape.kind, type) and issubclass(shape.kind, msgspec.Struct)
    if compiled is None or not (struct or shape.form != "call"):
        return generated(shape, explain)
    # Collecting garbage is put off for as long as the objects are made, but not when Python code might notice.
    no_python_code = not any(value.convert for value in shape.values) and (
        not struct or not (hasattr(shape.kind, "__post_init__") or _has_factories(shape))
    )
    return compiled.Maker(shape.form, shape.kind, shape.values, shape.width, explain, no_python_code).make


def _has_factories(shape: Shape) -> bool:
    """Tell whether a Struct makes values of its own, for fields that get none."""
    return len(shape.values) < len(shape.kind.__struct_fields__)


# -- in Python ----------------------------------------------------------------------------------------------


def generated(shape: Shape, explain: Explain) -> Callable[[Sequence[Any]], list[Any]]:
    """Write and compile the function.

    One row, the commonest count, is handled without a comprehension, which costs a frame of its own before
    CPython 3.12.
    """
    if shape.form == "tuple" and shape.values == tuple(Value(at, None, True) for at in range(shape.width)):
        return _tuples
    used = {value.column for value in shape.values}
    row = "(" + "".join(f"v{index}, " if index in used else "_, " for index in range(shape.width)) + ")"
    namespace: dict[str, Any] = {"T": shape.kind, "new": tuple.__new__, "explain": explain}
    texts: list[str] = []
    for number, value in enumerate(shape.values):
        text = f"v{value.column}"
        if value.convert is not None:
            namespace[f"c{number}"] = value.convert
            text = f"c{number}({text})" + (f" if {text} is not None else None" if value.nullable else "")
        texts.append(text)
    made = _expression(shape, texts)
    checks = " and ".join(f"v{value.column} is not None" for value in shape.values if not value.nullable)
    lines = [
        "if len(rows) == 1:",
        f"    {row} = rows[0]",
        f"    if {checks or True}:",
        f"        return [{made}]",
        f"return [{made}{f' if {checks} else explain(rows)' if checks else ''} for {row} in rows]",
    ]
    if any(value.convert is not None for value in shape.values):
        lines = ["try:", *(f"    {line}" for line in lines)]
        lines += ["except Exception as error:", "    explain(rows, error)", "    raise"]
    source = "def map_rows(rows):\n" + "".join(f"    {line}\n" for line in lines)
    return _checked(_compiled(source, namespace, shape.name), shape, explain)


def _tuples(rows: Sequence[Any]) -> list[Any]:
    return list(map(tuple, rows))


def _expression(shape: Shape, texts: list[str]) -> str:
    if shape.form == "scalar":
        return f"({texts[0]})"
    items = "(" + "".join(f"({text}), " for text in texts) + ")"
    if shape.form == "tuple":
        return items
    if shape.form == "named":
        return f"new(T, {items})"
    named = [(value.key, text) for value, text in zip(shape.values, texts, strict=True)]
    if shape.form == "dict":
        return "{" + ", ".join(f"{key!r}: ({text})" for key, text in named) + "}"
    arguments: list[str] = []
    for key, text in named:
        if key is None:
            arguments.append(f"({text})")
        elif key.isidentifier() and not keyword.iskeyword(key):
            arguments.append(f"{key}=({text})")
        else:
            arguments.append(f"**{{{key!r}: ({text})}}")
    return f"T({', '.join(arguments)})"


def _compiled(source: str, namespace: dict[str, Any], name: str) -> Callable[[Sequence[Any]], list[Any]]:
    # Tracebacks and debuggers find the source in linecache for as long as the function lives.
    filename = f"<sqlspec mapper for {name} at {id(namespace):#x}>"
    exec(compile(source, filename, "exec", dont_inherit=True), namespace)
    mapper = cast("Callable[[Sequence[Any]], list[Any]]", namespace.pop("map_rows"))
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    weakref.finalize(mapper, linecache.cache.pop, filename, None).atexit = False
    return mapper


def _checked(
    mapper: Callable[[Sequence[Any]], list[Any]], shape: Shape, explain: Explain
) -> Callable[[Sequence[Any]], list[Any]]:
    """Check classes before mapping: a column at a time, so that it costs one set of types per column."""
    checks = [(value.column, value.nullable, value.admits) for value in shape.values if value.admits is not None]
    if not checks:
        return mapper
    none = type(None)

    def map_checked(rows: Sequence[Any]) -> list[Any]:
        if rows:
            columns = list(zip(*rows, strict=True))
            for index, nullable, admits in checks:
                for given in set(map(type, columns[index])):
                    if not (nullable if given is none else admits(given)):
                        explain(rows)
        return mapper(rows)

    return map_checked
