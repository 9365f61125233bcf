"""What all tests share: reproducible random generation."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# A run without a profile of its own is repeatable: a failure on one machine is the same failure on another.
settings.register_profile("default", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("random", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
