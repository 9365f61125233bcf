"""Where the compiled module could not be built."""

from __future__ import annotations

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest

from sqlspec.exceptions import MissingDependencyError
from sqlspec.postgres.arrow import _wire, wire


def test_the_module_in_its_place_tells_what_to_do() -> None:
    name = "sqlspec.postgres.arrow._wire"
    loader = SourceFileLoader(name, str(Path(wire.__file__).with_name("_wire.py")))
    spec = spec_from_loader(name, loader)
    assert spec is not None
    with pytest.raises(MissingDependencyError, match="not compiled .* install a C compiler") as caught:
        loader.exec_module(module_from_spec(spec))
    assert (caught.value.package, caught.value.extra) == (name, "arrow")


def test_the_compiled_module_comes_first() -> None:
    assert not (_wire.__file__ or "").endswith(".py")
