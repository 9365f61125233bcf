"""The registry is whole: every public call, each of its arguments, and a test that attacks it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.integration.security.public import ELSEWHERE, INSIDE, MODULES, ROOT, arguments_of, public_calls
from tests.integration.security.registry import ENTRIES, NOT_CALLED, How
from tools.gen_security import PAGE, updated

HERE = Path(__file__).parent


def test_every_public_call_is_registered_with_all_its_arguments() -> None:
    """Who adds one says how it reaches the server in `registry.py`: the attacks and the documentation follow."""
    calls = public_calls()
    missing = sorted(calls.keys() - ENTRIES.keys())
    assert missing == [], f"not in the registry: {missing}"
    gone = sorted(ENTRIES.keys() - calls.keys())
    assert gone == [], f"in the registry, but no public call: {gone}"
    differing = {
        name: sorted(set(arguments) ^ ENTRIES[name].args.keys())
        for name, arguments in calls.items()
        if set(arguments) != ENTRIES[name].args.keys()
    }
    assert differing == {}


def test_a_call_that_is_new_is_found() -> None:
    """The search sees what is inherited, scopes, class methods, plain functions and commands."""
    calls = public_calls()
    expected = {"session.load_from_arrow", "session.savepoint", "StatementStack.of", "copy_table", "sqlspec load"}
    assert expected <= calls.keys()
    assert "name" in calls["session.savepoint"]
    assert {"TABLE", "--key", "--help"} <= set(calls["sqlspec load"])


def test_every_public_module_is_looked_into() -> None:
    """A new package is public or part of the inside: `public.py` says which."""
    places = {
        path.stem for path in (ROOT / "sqlspec").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert {place for place in places if not place.startswith("_")} - INSIDE == {
        name.split(".")[1] for name in (*MODULES, *ELSEWHERE) if "." in name
    } - INSIDE


def test_every_argument_is_attacked_or_trusted() -> None:
    untried = [name for name, entry in ENTRIES.items() if entry.attacked and entry.call is None and not entry.tried]
    assert untried == []
    for entry in ENTRIES.values():
        assert not entry.tried or (HERE / entry.tried).is_file(), entry.tried
    assert all(reason for reason in NOT_CALLED.values())


@pytest.mark.parametrize("name", [name for name, entry in ENTRIES.items() if entry.tried])
def test_the_test_that_is_named_tries_it(name: str) -> None:
    text = (HERE / ENTRIES[name].tried).read_text(encoding="utf-8")
    method = name.rpartition(".")[2]
    assert re.search(rf"\b{method}\b|connection_config|make_config", text), f"{ENTRIES[name].tried} does not try {name}"


def test_sql_text_has_names_that_say_so() -> None:
    """An argument that is sent as it is written must not look like one that is not."""
    names = {name for entry in ENTRIES.values() for name, how in entry.args.items() if how is How.SQL}
    words = {"sql", "query", "text", "condition", "stack", "entries", "source", "query_or_table", "--from"}
    assert {name if name.startswith("-") else name.lower() for name in names} <= words


def test_the_page_has_the_table() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert updated(text) == text, "run tools/gen_security.py"


def test_arguments_of_a_function() -> None:
    def example(self: object, name: str, *, option: int = 0, **named: object) -> None: ...

    assert arguments_of(example) == ["name", "option", "named"]
