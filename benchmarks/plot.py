"""Draw the comparison: `python -m benchmarks.plot FIGURES.json PICTURE...`. Needs matplotlib and nothing else."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("agg")
mpl.rcParams.update({"svg.hashsalt": "sqlspec", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 8})

from matplotlib import pyplot as plt  # noqa: E402 - the backend is chosen first
from matplotlib.ticker import MaxNLocator  # noqa: E402

__all__ = ("draw",)

COLORS = {"ours": "#3f51b5", "driver": "#7c8696", "peer": "#c9cfd8"}
DARK = "#1a1f36"
DOTS_PER_INCH = 160
PANELS = (
    ("one row by key, to dict", "one row by key to dict, us", 1e6),
    ("1000 rows of int8, text, float8, timestamptz, to dict", "1000 rows with a timestamptz to dict, us", 1e6),
    ("execute_many, 1000 times insert", "execute_many, 1000 inserts, ms", 1e3),
    ("16 at once, checkout and one row", "16 at once: us per query with its checkout", 1e6),
)
AXIS_LIMIT = 4.0
"""How many times as long as the median contestant a bar may be drawn; the number beside it tells the rest."""


def draw(results: dict[str, Any], pictures: list[Path]) -> None:
    """Draw a panel for each of a few cases, with a bar for each contestant, the shortest first."""
    groups = {one["name"]: one["group"] for one in results["contestants"]}
    figure, axes = plt.subplots(2, 2, figsize=(10, 9.5), layout="constrained")
    for axis, (case, title, scale) in zip(axes.flat, PANELS, strict=True):
        found = [one for one in results["figures"] if one["case"] == case and not one["error"]]
        shown = sorted((one for one in found if "A/A" not in one["contestant"]), key=lambda one: -one["median"])
        values = [one["median"] * scale for one in shown]
        limit = AXIS_LIMIT * values[len(values) // 2] if values else 1.0
        for place, (one, value) in enumerate(zip(shown, values, strict=True)):
            length = min(value, limit)
            axis.barh(place, length, height=0.66, color=COLORS[groups[one["contestant"]]], zorder=2)
            if value <= limit:
                error = one["spread"] * value
                axis.plot([value - error, value + error], [place, place], color=DARK, linewidth=0.8, zorder=3)
            text = f"{value:.0f}" if value >= 100 else f"{value:.1f}"
            end = length if value > limit else value * (1 + one["spread"])
            axis.annotate(text, (end, place), (5, 0), textcoords="offset points", va="center")
        axis.set_yticks(range(len(shown)), [one["contestant"] for one in shown])
        axis.set_title(title, loc="left", fontweight="bold")
        axis.set_xlim(0, axis.get_xlim()[1] * 1.1)
        axis.xaxis.set_major_locator(MaxNLocator(5))
        axis.tick_params(length=0)
        axis.spines[["top", "right", "left"]].set_visible(False)
    names = {"ours": "through this package", "driver": "the driver alone", "peer": "another library"}
    handles = [plt.Rectangle((0, 0), 1, 1, color=COLORS[group]) for group in names]
    figure.legend(handles, list(names.values()), loc="outside lower center", ncols=3, frameon=False)
    for picture in pictures:
        metadata = {"Date": None} if picture.suffix == ".svg" else None
        figure.savefig(picture, dpi=DOTS_PER_INCH, metadata=metadata)


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), [Path(name) for name in sys.argv[2:]])
