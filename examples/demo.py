"""Load a year of flights through every adapter, ask the same questions, and compare the answers.

Run `make demo`, or `python examples/demo.py --help` for the options.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    # A script finds modules beside itself; the parts of this one are named from the root of the clone.
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from examples.flights.app import main

    sys.exit(main())
