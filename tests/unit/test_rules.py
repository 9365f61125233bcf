"""Rules of the code base that no reader can check by eye: layers, sizes, import cost, where facts live."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = ("sqlspec", "tools", "tests", "examples", "benchmarks")

# A module may import from its own layer and from those before it.
LAYERS = (
    ("exceptions", "values", "typing"),
    ("core",),
    ("postgres",),
    ("storage", "observability"),
    ("driver",),
    ("adapters",),
    ("etl",),
    ("testing", "cli"),
)
# The root package, the program, and the registry with its file reader tie all together; no layer may import them.
TOP = ("", "__main__", "base", "sqlfiles")

# Third-party packages that only one adapter may import.
DRIVERS = {
    "asyncpg": "sqlspec.adapters.asyncpg",
    "psycopg": "sqlspec.adapters.psycopg",
    "psqlpy": "sqlspec.adapters.psqlpy",
    "pyro_postgres": "sqlspec.adapters.pyro_postgres",
}

# What `import sqlspec` must not load: drivers, and packages that are optional or slow to import.
HEAVY = {
    *DRIVERS,
    "attr",
    "attrs",
    "click",
    "fsspec",
    "numpy",
    "opentelemetry",
    "pandas",
    "polars",
    "prometheus_client",
    "pyarrow",
    "pydantic",
    "rich",
    "sqlglot",
}
# Ten times what is expected, so that a busy machine does not fail and a careless import does.
IMPORT_LIMIT_MS = 600

FILE_LINES = 600
# What an adapter says at greater length belongs to a layer below it, or into a file of its own.
ADAPTER_LINES = 350
FUNCTION_LINES = 60
# Larger budgets: path -> (lines, reason).
FILE_BUDGETS: dict[str, tuple[int, str]] = {}
# Larger budgets: "path::function" -> (lines, reason).
FUNCTION_BUDGETS: dict[str, tuple[int, str]] = {}

SQLSTATE = re.compile(r"(?=(?:.*\d){2})[0-9A-Z]{5}")
# Strings of that form which are something else: path -> strings.
NOT_SQLSTATE: dict[str, set[str]] = {}

# Paths of one machine. Joined here, so that this file does not hold what it looks for.
FORBIDDEN_TEXT = tuple(
    "/".join(parts) for parts in (["", "work", ""], ["..", "shared"], ["", "root", ""], ["", "tmp", "dev"])
)
TEXT_SUFFIXES = {"", ".cfg", ".ini", ".json", ".md", ".py", ".pyi", ".pyx", ".sh", ".sql", ".toml", ".yml"}


def files_below(*directories: str) -> list[Path]:
    return sorted(path for directory in directories for path in (ROOT / directory).rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and absolute module name of every import, at any depth and for type checking too."""
    package = module_of(path).split(".")
    if path.name != "__init__.py":
        package.pop()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            # `from package import module` names the module by its alias.
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def type_checking_lines(path: Path) -> set[int]:
    """Return the lines of `if TYPE_CHECKING:` blocks."""
    return {
        line
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for line in range(node.lineno, (node.body[-1].end_lineno or node.lineno) + 1)
    }


def layer_of(module: str) -> int | None:
    """Return the number of the layer, `None` for the root package and the registry."""
    part = ([*module.split("."), ""])[1]
    if part in TOP:
        return None
    return next((number for number, parts in enumerate(LAYERS) if part in parts), -1)


def layer_violations(path: Path) -> Iterator[str]:
    module = module_of(path)
    own = layer_of(module)
    for line, imported in imports_of(path):
        if imported.split(".")[0] != "sqlspec":
            continue
        # `from sqlspec import X` may name an exported object: then it is an import of the root package.
        part = ([*imported.split("."), ""])[1]
        known = part in TOP or any(part in parts for parts in LAYERS)
        theirs = layer_of(imported) if known else None
        if own is not None and (theirs is None or theirs > own):
            yield f"{name_of(path)}:{line}: {module} imports {imported} from a layer above"
        adapter = imported.split(".")[2:3] if part == "adapters" else []
        if module.startswith("sqlspec.adapters.") and adapter and adapter != module.split(".")[2:3]:
            yield f"{name_of(path)}:{line}: {module} imports another adapter, {imported}"


def driver_violations(path: Path) -> Iterator[str]:
    for line, imported in imports_of(path):
        home = DRIVERS.get(imported.split(".")[0])
        if home and line not in type_checking_lines(path) and not module_of(path).startswith(home):
            yield f"{name_of(path)}:{line}: {imported} is imported outside {home}"


def test_every_module_belongs_to_a_layer() -> None:
    assert [name_of(path) for path in files_below("sqlspec") if layer_of(module_of(path)) == -1] == []


def test_modules_import_only_from_layers_below() -> None:
    assert [found for path in files_below("sqlspec") for found in layer_violations(path)] == []


def test_drivers_are_imported_only_in_their_adapters() -> None:
    assert [found for path in files_below("sqlspec") for found in driver_violations(path)] == []


@pytest.mark.parametrize(
    ("place", "statement", "complaint"),
    [
        ("core/x.py", "from sqlspec.driver import y", "from a layer above"),
        ("core/x.py", "from ..driver import y", "from a layer above"),
        ("core/x.py", "from .. import base", "from a layer above"),
        ("core/x.py", "def f():\n    import sqlspec", "from a layer above"),
        ("exceptions.py", "from sqlspec import SQL", "from a layer above"),
        ("adapters/psqlpy/x.py", "from sqlspec.adapters.asyncpg import y", "another adapter"),
        ("adapters/psqlpy/x.py", "from ..asyncpg.spec import y", "another adapter"),
        ("adapters/psqlpy/x.py", "import asyncpg", "outside sqlspec.adapters.asyncpg"),
        ("core/x.py", "from psycopg.rows import dict_row", "outside sqlspec.adapters.psycopg"),
        ("core/x.py", "from sqlspec.core.plan import Plan", None),
        ("core/x.py", "from .plan import Plan", None),
        ("adapters/psqlpy/x.py", "import psqlpy\nfrom sqlspec.driver import y\nfrom .spec import SPEC", None),
        ("core/x.py", "if TYPE_CHECKING:\n    import asyncpg", None),
        ("base.py", "from sqlspec.driver import y", None),
    ],
)
def test_the_layer_rules_see_every_form_of_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, statement: str, complaint: str | None
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    path = tmp_path / "sqlspec" / place
    path.parent.mkdir(parents=True)
    path.write_text(statement)
    found = [*layer_violations(path), *driver_violations(path)]
    assert [complaint in text for text in found if complaint] == ([True] if complaint else [])
    assert bool(found) == bool(complaint)


def test_importing_the_package_is_light() -> None:
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import sqlspec"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    times = re.findall(r"^import time:\s+(\d+) \|\s+(\d+) \|\s*([\w.]+)$", run.stderr, flags=re.MULTILINE)
    loaded = {name.split(".")[0] for _, _, name in times}
    assert "sqlspec" in loaded
    assert loaded & HEAVY == set()
    total = sum(int(own) for own, _, name in times) / 1000
    assert total < IMPORT_LIMIT_MS


def test_public_names_exist_and_are_listed_once() -> None:
    package = importlib.import_module("sqlspec")
    names = list(package.__all__)
    assert sorted(set(names)) == sorted(names)
    assert [name for name in names if not hasattr(package, name)] == []


def test_files_stay_within_their_budget() -> None:
    sizes = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in files_below(*CODE)}
    over = {name: size for name, size in sizes.items() if size > FILE_BUDGETS.get(name, (lines_allowed(name), ""))[0]}
    assert over == {}


def lines_allowed(name: str) -> int:
    return ADAPTER_LINES if name.startswith("sqlspec/adapters/") else FILE_LINES


def functions_of(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the name of every function and its number of lines, those of its docstring not counted."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if ast.get_docstring(node, clean=False) is not None:
                text = node.body[0]
                lines -= (text.end_lineno or text.lineno) - text.lineno + 1
            yield f"{name_of(path)}::{node.name}", lines


def test_functions_stay_within_their_budget() -> None:
    over = {
        name: lines
        for path in files_below(*CODE)
        for name, lines in functions_of(path)
        if lines > FUNCTION_BUDGETS.get(name, (FUNCTION_LINES, ""))[0]
    }
    assert over == {}


def test_larger_budgets_are_needed_and_give_a_reason() -> None:
    sizes = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in files_below(*CODE)}
    functions = dict(item for path in files_below(*CODE) for item in functions_of(path))
    spare = [name for name in FILE_BUDGETS if sizes.get(name, 0) <= FILE_LINES]
    spare += [name for name in FUNCTION_BUDGETS if functions.get(name, 0) <= FUNCTION_LINES]
    assert spare == []
    assert all(reason for _, reason in [*FILE_BUDGETS.values(), *FUNCTION_BUDGETS.values()])


def test_sqlstates_stand_only_in_the_exception_module() -> None:
    found = [
        f"{name_of(path)}:{node.lineno}: {node.value}"
        for path in files_below("sqlspec")
        if name_of(path) != "sqlspec/exceptions.py"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and SQLSTATE.fullmatch(node.value)
        and node.value not in NOT_SQLSTATE.get(name_of(path), set())
    ]
    assert found == []


def test_every_module_defers_its_annotations() -> None:
    def defers(path: Path) -> bool:
        return any(name == "__future__.annotations" for _, name in imports_of(path))

    modules = [path for path in files_below(*CODE) if tree_of(path).body]
    assert [name_of(path) for path in modules if len(tree_of(path).body) > 1 and not defers(path)] == []


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        # An unpacked source archive has no repository: then the code stands for all.
        return files_below(*CODE)
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def test_no_file_names_a_path_of_one_machine() -> None:
    found = [
        f"{name_of(path)}:{number}: {text}"
        for path in tracked_files()
        if path.suffix in TEXT_SUFFIXES and path.is_file()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        for text in FORBIDDEN_TEXT
        if text in line
    ]
    assert found == []
