"""Take list, map and struct arrays apart and put them together again, whatever their offsets and kinds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import pyarrow as pa

from sqlspec.postgres.arrow.kernels import pc

__all__ = ("ListParts", "is_list", "join_map", "list_parts", "map_parts", "map_values", "struct_array")


class ListParts(NamedTuple):
    """A list array in pieces.

    Attributes:
        values: The elements of all lists that are not NULL, without gaps.
        offsets: int32, one more than lists: where each begins in `values`; NULL lists are empty.
        nulls: Which lists are NULL; `None` for none.
    """

    values: pa.Array
    offsets: pa.Array
    nulls: pa.Array | None

    def row_of(self, index: int) -> int:
        """Return the list that an element is in."""
        first = pc.greater(self.offsets, index).index(True).as_py()
        return first - 1  # type: ignore[no-any-return]

    def join(self, values: pa.Array) -> pa.Array:
        """Return a list array with other elements in the same places."""
        return pa.ListArray.from_arrays(self.offsets, values, mask=self.nulls)


def is_list(kind: pa.DataType) -> bool:
    """Tell a type of lists of any kind; a map is none."""
    return bool(
        pa.types.is_list(kind)
        or pa.types.is_large_list(kind)
        or pa.types.is_fixed_size_list(kind)
        or pa.types.is_list_view(kind)
        or pa.types.is_large_list_view(kind)
    )


def list_parts(array: pa.Array) -> ListParts:
    """Take an array of a list type apart."""
    lengths = pc.list_value_length(array).cast(pa.int32())
    if array.null_count:
        lengths = pc.fill_null(lengths, 0)
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths)])
    return ListParts(array.flatten(), offsets, array.is_null() if array.null_count else None)


def map_parts(array: pa.Array) -> tuple[ListParts, pa.Array]:
    """Take a map array apart: lists of keys, and the items that go with them."""
    kind = array.type
    entries = array.cast(pa.list_(pa.struct([pa.field("key", kind.key_type), pa.field("item", kind.item_type)])))
    parts = list_parts(entries)
    keys, items = parts.values.flatten()
    return ListParts(keys, parts.offsets, parts.nulls), items


def join_map(parts: ListParts, keys: pa.Array, items: pa.Array) -> pa.Array:
    """Put a map array together."""
    return pa.MapArray.from_arrays(parts.offsets, keys, items, mask=parts.nulls)


def map_values(array: pa.Array, function: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """Apply a function to the elements of a list array."""
    parts = list_parts(array)
    return parts.join(function(parts.values))


def struct_array(
    array: pa.Array, functions: Sequence[Callable[[pa.Array], pa.Array] | None], fields: Sequence[pa.Field]
) -> pa.Array:
    """Apply a function to each field of a struct array; `None` leaves it as it is."""
    children = [
        child if function is None else function(child)
        for child, function in zip(array.flatten(), functions, strict=True)
    ]
    mask = array.is_null() if array.null_count else None
    if not children:  # an array without fields knows no length of its own
        return array
    return pa.StructArray.from_arrays(children, fields=list(fields), mask=mask)
