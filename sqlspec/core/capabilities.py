"""What an adapter can do, said once: at run time, in the tests and in the docs."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal

from sqlspec.exceptions import NotSupportedError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ("NATIVE", "AdapterSpec", "Capabilities", "Support")


@dataclass(frozen=True, slots=True)
class Support:
    """One answer to "can this adapter ...?".

    Attributes:
        level: `"native"`: the driver does it. `"emulated"`: this package does it. `"no"`: it cannot be had.
        reason: Why it is not native; printed in errors and in the docs.
        cause: Who could change it: `"todo"` this package, `"upstream"` the driver, `"never"` nobody.
    """

    level: Literal["native", "emulated", "no"]
    reason: str = ""
    cause: Literal["", "todo", "upstream", "never"] = ""

    def __post_init__(self) -> None:
        if self.level != "native" and not self.reason:
            raise ValueError(f"support level {self.level!r} needs a reason")
        if self.level == "no" and not self.cause:
            raise ValueError("support level 'no' needs a cause")

    def __bool__(self) -> bool:
        return self.level != "no"


NATIVE = Support("native")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Every question that adapters answer differently. No defaults: a new field breaks each spec until answered."""

    rows_affected: Support
    columns_when_empty: Support
    duplicate_columns: Support
    sqlstate: Support
    error_position: Support
    usable_after_error: Support
    savepoints: Support
    isolation: Support
    multi_statement: Support
    execute_many_returning: Support
    stream: Support
    stack_in_one_trip: Support
    listen: Support
    cancel: Support
    concurrent_calls: Support
    copy_in: Support
    copy_out: Support
    arrow_in: Support
    arrow_out: Support
    tls: Support

    def items(self) -> Iterator[tuple[str, Support]]:
        """Yield (name, answer) in the order of the fields."""
        for field in fields(self):
            yield field.name, getattr(self, field.name)


@dataclass(frozen=True, slots=True)
class AdapterSpec:
    """Who an adapter is.

    Attributes:
        name: Name of the adapter's package, such as `"asyncpg"`.
        dialect: Name of the SQL dialect.
        parameter_style: The placeholder style that the driver takes.
        capabilities: What it can do.
        tested_with: The driver releases that the test suite ran with, as a requirement.
    """

    name: str
    dialect: str
    parameter_style: Literal["numeric"]
    capabilities: Capabilities
    tested_with: str

    def refusal(self, capability: str) -> NotSupportedError:
        """Return the error for a call that needs a capability which this adapter lacks."""
        support: Support = getattr(self.capabilities, capability)
        reason = support.reason or "the driver offers no interface for it"
        return NotSupportedError(f"{capability} is not available on {self.name}: {reason}", adapter=self.name)
