from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from sqlspec.adapters.asyncpg import AsyncpgDriverFeatures
from sqlspec.driver._features import DriverFeatures, features_of
from sqlspec.exceptions import ImproperConfigurationError


def test_without_features_the_defaults_hold() -> None:
    assert features_of(None, DriverFeatures) == DriverFeatures()


def test_a_dict_is_the_same_as_the_class() -> None:
    given = {"infinity": "clamp", "json_serializer": json.dumps, "vector_format": "numpy"}
    assert features_of(given, AsyncpgDriverFeatures) == AsyncpgDriverFeatures(
        infinity="clamp", json_serializer=json.dumps, vector_format="numpy"
    )


def test_features_cannot_be_changed_behind_the_connections_back() -> None:
    with pytest.raises(FrozenInstanceError):
        features_of({}, DriverFeatures).infinity = "clamp"  # type: ignore[misc]


def test_every_feature_of_the_codecs_reaches_them() -> None:
    features = DriverFeatures(
        json_serializer=json.dumps,
        json_deserializer=json.loads,
        infinity="clamp",
        naive_datetimes="utc",
        vector_format="numpy",
    )
    options = features.codec_options()
    assert (options.json_serializer, options.json_deserializer) == (json.dumps, json.loads)
    assert (options.infinity, options.naive_datetimes, options.vector_format) == ("clamp", "utc", "numpy")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"infinty": "clamp"}, "unknown driver feature 'infinty': did you mean 'infinity'?"),
        ({"zzz": 1}, "unknown driver feature 'zzz': use one of json_serializer, json_deserializer"),
        ({5: 1}, "unknown driver feature 5: use one of"),
        ({"infinity": "ignore"}, "driver feature 'infinity' has no such choice; use one of error, clamp"),
        ({"naive_datetimes": None}, "'naive_datetimes' has no such choice; use one of error, utc, local"),
        ([("infinity", "clamp")], "driver_features must be a DriverFeatures or a dict: list given"),
        ("infinity", "driver_features must be a DriverFeatures or a dict: str given"),
    ],
)
def test_what_is_no_feature_is_refused_with_advice(given: Any, message: str) -> None:
    with pytest.raises(ImproperConfigurationError) as caught:
        features_of(given, DriverFeatures)
    assert message in str(caught.value)


def test_features_of_another_adapter_are_refused() -> None:
    with pytest.raises(ImproperConfigurationError, match="AsyncpgDriverFeatures or a dict: DriverFeatures given"):
        features_of(DriverFeatures(), AsyncpgDriverFeatures)


def test_a_refused_choice_is_not_quoted() -> None:
    with pytest.raises(ImproperConfigurationError) as caught:
        features_of({"infinity": "hunter2"}, DriverFeatures)
    assert "hunter2" not in str(caught.value)
