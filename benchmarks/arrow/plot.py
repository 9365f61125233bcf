"""Draw the comparison: `python -m benchmarks.arrow.plot RESULTS.json PICTURE...`. Needs matplotlib and nothing else."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("agg")
mpl.rcParams.update({"svg.hashsalt": "sqlspec", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9})

from matplotlib import pyplot as plt  # noqa: E402 - the backend is chosen first

__all__ = ("draw",)

TITLES = {"load": "load_from_arrow", "select": "select_to_arrow"}
BASELINE = "adbc"
OURS, PEERS, DOT, ASKED = "#3f51b5", "#b0b7c3", "#1a1f36", "#d84315"
DOTS_PER_INCH = 160


def draw(results: dict[str, Any], pictures: list[Path]) -> None:
    """Draw a bar for each contestant: its mean, a dot for each data set, and a mark where the mean has to be."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained")
    for axis, (direction, title) in zip(axes, TITLES.items(), strict=True):
        shown = [one for one in results["verdicts"][direction] if "A/A" not in one["contestant"]][::-1]
        for place, one in enumerate(shown):
            ours = one["contestant"] in results["adapters"]
            axis.barh(place, one["mean"], height=0.62, color=OURS if ours else PEERS, zorder=2)
            values = list(one["speedups"].values())
            axis.scatter(values, [place] * len(values), s=14, color=DOT, edgecolors="white", linewidths=0.7, zorder=4)
            if one["bar"]:
                axis.plot([one["bar"]] * 2, [place - 0.42, place + 0.42], color=ASKED, linewidth=1.6, zorder=3)
            furthest = max(one["mean"], *values)
            axis.annotate(f"{one['mean']:.2f}", (furthest, place), (5, 0), textcoords="offset points", va="center")
        axis.axvline(1, color=DOT, linewidth=0.8, linestyle=":", zorder=1)
        axis.set_yticks(range(len(shown)), [one["contestant"] for one in shown])
        axis.set_title(title, loc="left", fontweight="bold")
        axis.set_xlabel("times as fast as ADBC (a table)")
        axis.set_xlim(0, axis.get_xlim()[1] * 1.08)
        axis.tick_params(length=0)
        axis.spines[["top", "right", "left"]].set_visible(False)
    for picture in pictures:
        metadata = {"Date": None} if picture.suffix == ".svg" else None
        figure.savefig(picture, dpi=DOTS_PER_INCH, metadata=metadata)


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), [Path(name) for name in sys.argv[2:]])
