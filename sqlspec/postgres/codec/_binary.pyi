# Types of the compiled module; see `reading`.

from collections.abc import Callable, Sequence
from typing import Any

from sqlspec.postgres.codec.reading import Kind

class Reader:
    @property
    def unpack(self) -> Callable[[bytes], Any]: ...
    def __init__(self, kind: Kind, unpack: Callable[[bytes], Any], element: Reader | None = None) -> None: ...
    def read(self, data: bytes) -> Any: ...
    def falling_back(self, unpack: Callable[[bytes], Any]) -> Reader: ...

class RowsReader:
    def __init__(
        self,
        readers: Sequence[Reader | Callable[[bytes], Any] | None],
        fail: Callable[[Sequence[Any], Exception], Exception],
    ) -> None: ...
    def read(self, rows: Sequence[Any]) -> list[tuple[Any, ...]]: ...
