"""What all tests share: reproducible random generation, what they prove of reliability, and that they tidy up."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

from tests import leftovers
from tests.promises import Promises
from tests.secrets import Secrets

# A run without a profile of its own is repeatable: a failure on one machine is the same failure on another.
settings.register_profile("default", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("random", deadline=None, derandomize=False, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Promises())
    config.pluginmanager.register(Secrets())
    config.pluginmanager.register(leftovers)
