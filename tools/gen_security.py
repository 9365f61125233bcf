"""Write the table of entry points of the page on security, or check that it is up to date.

It is made from `tests/integration/security/registry.py`, the list that the injection tests work through.

    python tools/gen_security.py              write the page
    python tools/gen_security.py --check      compare it instead
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.integration.security.registry import ENTRIES, Entry, How
from tools._pages import ROOT, filled, keep

PAGE = ROOT / "docs" / "explanation" / "security.md"


def updated(text: str) -> str:
    """Return the page with the tables as they should be."""
    return filled(PAGE.name, text, {"entry-points": tables()})


def tables() -> str:
    kinds = "\n".join(f"| {_word(how)} | {how.value} |" for how in How)
    rows = "\n".join(f"| `{name}` | {_arguments(entry)} |" for name, entry in ENTRIES.items())
    return f"""
| an argument is | which means |
|---|---|
{kinds}

| entry point | its arguments |
|---|---|
{rows}

"""


def _word(how: How) -> str:
    return how.name.lower()


def _arguments(entry: Entry) -> str:
    groups = {how: [f"`{name}`" for name, each in entry.args.items() if each is how] for how in How}
    return "; ".join(f"{_word(how)}: {', '.join(names)}" for how, names in groups.items() if names)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    before = PAGE.read_text(encoding="utf-8")
    problem = keep(PAGE, before, updated(before), "gen_security", check=parser.parse_args().check)
    if problem:
        print(problem, file=sys.stderr)
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main())
