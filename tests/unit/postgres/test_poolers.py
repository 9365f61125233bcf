"""Poolers: what is refused before anything is sent, and the statement that finds one out."""

from __future__ import annotations

import pytest

from sqlspec.exceptions import ImproperConfigurationError
from sqlspec.postgres.errors import check_session
from sqlspec.postgres.poolers import is_own_backend, refuses_settings
from sqlspec.postgres.settings import KeyDialect, resolve

DIALECT = KeyDialect(adapter="some")
UNFIT = KeyDialect(adapter="some", refused={("pooler", True): "it cannot; do not"})


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({"session_settings": {"search_path": "shop", "timezone": "UTC", "role": "app"}}, "role, search_path"),
        ({"statement_timeout": 5}, "statement_timeout"),
        ({"options": "-c geqo=off"}, "options"),
    ],
)
def test_settings_that_no_session_keeps(keys: dict[str, object], named: str) -> None:
    with pytest.raises(ImproperConfigurationError, match=f"^cannot set {named}: .*; give them to the role"):
        resolve({"pooler": True, **keys}, DIALECT, environ={})
    for other in (None, False):
        resolve({"pooler": other, **keys}, DIALECT, environ={})


def test_settings_that_are_passed_on() -> None:
    settings, _ = resolve(
        {"pooler": True, "application_name": "a", "session_settings": {"TimeZone": "UTC", "DateStyle": "ISO"}},
        DIALECT,
        environ={},
    )
    assert settings.pooler is True


def test_a_driver_that_cannot_work_there() -> None:
    with pytest.raises(ImproperConfigurationError, match="^cannot use 'pooler' with True on some: it cannot; do not$"):
        resolve({"pooler": True}, UNFIT, environ={})
    assert resolve({"pooler": False}, UNFIT, environ={})[0].pooler is False
    assert resolve({}, UNFIT, environ={})[0].pooler is None


def test_the_question_takes_any_number() -> None:
    assert is_own_backend(-5).endswith("pg_backend_pid() = -5")


def test_whose_refusal_it_is() -> None:
    assert refuses_settings("cannot connect: unsupported startup parameter: options")
    assert not refuses_settings('cannot connect: unrecognized configuration parameter "x"')


@pytest.mark.parametrize("encoding", ["UTF8", "utf-8", "'utf-8'", "UNICODE"])
def test_an_encoding_as_a_pooler_repeats_it(encoding: str) -> None:
    check_session(encoding, "on")
