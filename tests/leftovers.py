"""What a module's tests leave open fails that module, not an innocent one in which it happens to be collected.

A plugin of pytest. In a run of several processes each looks at those tests of a module that it runs itself.
"""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()  # the tests themselves stay to the end: without them a collection takes some milliseconds


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left_open(request: pytest.FixtureRequest) -> Iterator[None]:
    """Collect what the module's tests have left, after all its other fixtures have ended."""
    yield
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        gc.collect()
    left = "\n".join(sorted({f"{each.category.__name__}: {each.message}" for each in seen}))
    if left:
        pytest.fail(f"the tests of {request.node.nodeid} have left behind:\n{left}", pytrace=False)
