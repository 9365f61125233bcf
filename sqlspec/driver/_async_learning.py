# The synchronous twin is generated from this file by tools/unasync.py.
"""Work on values whose types may have to be looked up first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from sqlspec.postgres.codec import MissingTypesError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

__all__ = ("with_types",)

T = TypeVar("T")

LEARNING_ROUNDS = 10
"""Look-ups of types for one piece of work. More than one only where a record holds records, or a type is altered
again."""


async def with_types(learn: Callable[[Iterable[int]], Awaitable[None]], work: Callable[..., T], *args: Any) -> T:
    """Return `work(*args)`, which is called again after each look-up of the types that it misses.

    Args:
        learn: Looks types up.
        work: Needs nothing but its arguments, and leaves nothing half done when it raises.
        *args: Its arguments.

    Raises:
        MissingTypesError: There are types that cannot be found.
    """
    for _ in range(LEARNING_ROUNDS):
        try:
            return work(*args)
        except MissingTypesError as missing:
            await learn(missing.oids)
    return work(*args)
