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

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "explanation" / "security.md"
BEGIN = "<!-- generated: entry-points -->"
END = "<!-- end of generated -->"


def updated(text: str) -> str:
    """Return the page with the tables as they should be."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tables()}{END}{after}"


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
    text = PAGE.read_text(encoding="utf-8")
    new = updated(text)
    if parser.parse_args().check:
        if new != text:
            print(f"{PAGE.relative_to(ROOT)} is stale: run tools/gen_security.py", file=sys.stderr)
        return int(new != text)
    PAGE.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
