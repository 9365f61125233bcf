"""What several tests of the core share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sqlspec.core import _making


@pytest.fixture(scope="module", params=["compiled", "generated"])
def making(request: pytest.FixtureRequest) -> Iterator[str]:
    """Let rows be mapped by compiled code, and once more without it."""
    if request.param == "compiled" and _making.compiled is None:
        pytest.skip("the module was not compiled")
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "generated":
            patch.setattr(_making, "compiled", None)
        yield request.param
