# Types of the compiled module; see `_making`.

from collections.abc import Callable, Sequence
from typing import Any

from sqlspec.core._making import Explain, Form, Value

class Maker:
    def __init__(
        self, form: Form, kind: Any, values: Sequence[Value], width: int, explain: Explain, paused: bool
    ) -> None: ...
    @property
    def make(self) -> Callable[[Sequence[Any]], list[Any]]: ...
