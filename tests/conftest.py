"""What all tests share: reproducible random generation, what they prove of reliability, and that they tidy up."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

from tests import leftovers
from tests.promises import Promises
from tests.secrets import Secrets

# A run without a profile of its own is repeatable: a failure on one machine is the same failure on another.
settings.register_profile("default", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("random", deadline=None, derandomize=False, max_examples=2000)
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "default")
settings.load_profile(PROFILE)
if PROFILE == "default":
    # Hypothesis also draws constants that it finds in the source of modules that happen to be loaded, so a change
    # anywhere, or another order of the tests, would give all of them other data.
    providers._get_local_constants = lambda: providers._local_constants  # none, as nothing has looked for them yet


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Promises())
    config.pluginmanager.register(Secrets())
    config.pluginmanager.register(leftovers)
