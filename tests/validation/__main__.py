"""Write the tables and figures of ``docs/validation.md`` anew: ``python -m tests.validation``, some minutes."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from benchmarks.dram_form import SHOWN, compared
from mimesim.config.shipped import shipped_standards
from tests.validation.cycles import dense_cycles
from tests.validation.eyeriss import LAYERS, best
from tests.validation.pages import CYCLES, DRAM, EYERISS, FOLDER


@dataclass
class Series:
    """Bars of one colour."""

    name: str
    values: list[float]
    colour: str
    hatch: str = ""


def main() -> None:
    """Write everything."""
    FOLDER.mkdir(exist_ok=True)
    cycles()
    dram()
    eyeriss()


def cycles() -> None:
    """Write what VGG16's convolutions take, dense and without stalls, beside two closed forms."""
    table = pd.DataFrame(dense_cycles())
    table.to_csv(CYCLES, index=False, lineterminator="\n")
    thousands = {name: [count / 1000 for count in table[name]] for name in table.columns if name != "layer"}
    series = [
        Series("closed form: folds x (taps + chunks)", thousands["closed_form"], "#4477aa"),
        Series("mimesim, busy", thousands["busy"], "#ee6677", "//"),
        Series("systolic array of the same size (SCALE-Sim's form)", thousands["systolic"], "#bbbbbb"),
    ]
    bars("cycles.png", list(table["layer"]), {"one image of 64 x 64, 16 x 64 PEs": series}, "kilocycles")


def dram() -> None:
    """Write how far the closed form of the machine's DRAM lies from the controller that serves request by request."""
    rows = [
        (standard, label, requests, *values)
        for standard in shipped_standards()
        for label, requests, values in compared(standard)
    ]
    names = [f"{name.removesuffix('_clocks')}_percent" for name in SHOWN]
    table = pd.DataFrame(rows, columns=["standard", "trace", "requests", *names, "saturated_clocks_percent"])
    table.to_csv(DRAM, index=False, lineterminator="\n")
    standards = list(dict.fromkeys(table["standard"]))
    colours = ("#4477aa", "#66ccee", "#228833", "#ee6677", "#aa3377")
    panels = {
        title: [
            Series(str(trace), list(rows.set_index("standard").loc[standards, column]), colour)
            for (trace, rows), colour in zip(table.groupby("trace", sort=False), colours, strict=True)
        ]
        for title, column in (
            ("mean latency, as the run asks", "mean_latency_percent"),
            ("clocks, all requests at once", "saturated_clocks_percent"),
        )
    }
    bars("dram.png", standards, panels, "closed form above controller, %")


def eyeriss() -> None:
    """Write what AlexNet's layers take beside what was published."""
    published = pd.DataFrame(LAYERS)[["name", "alu", "dram", "reg"]].add_prefix("published_")
    table = pd.concat(
        [pd.DataFrame([best(layer) for layer in LAYERS]), published.drop(columns="published_name")], axis=1
    )
    table["dram_ratio"] = table["dram"] / table["published_dram"]
    table.to_csv(EYERISS, index=False, lineterminator="\n")
    names = list(table["layer"])
    panels = {
        "multiplications": [
            Series("published", list(table["published_alu"]), "#4477aa"),
            Series("mimesim", list(table["alu"]), "#ee6677", "//"),
        ],
        "scratchpads": [
            Series("published", list(table["published_reg"]), "#4477aa"),
            Series("mimesim", list(table["reg"]), "#ee6677", "//"),
        ],
        "DRAM": [
            Series("if every word moved once", list(table["least_dram"]), "#bbbbbb"),
            Series("published (row stationary)", list(table["published_dram"]), "#4477aa"),
            Series("mimesim (output stationary)", list(table["dram"]), "#ee6677", "//"),
        ],
    }
    bars("eyeriss.png", names, panels, "energy, 10^9 MACs")


def bars(file: str, names: list[str], panels: dict[str, list[Series]], label: str) -> None:
    """Draw one panel of grouped bars for each entry of *panels*."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.4), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, (title, series) in zip(axes, panels.items(), strict=True):
        width = 0.8 / len(series)
        for number, each in enumerate(series):
            places = [place + (number - (len(series) - 1) / 2) * width for place in range(len(names))]
            axis.bar(
                places, each.values, width, label=each.name, color=each.colour, hatch=each.hatch, edgecolor="white"
            )
        axis.set_xticks(range(len(names)), names, rotation=45, ha="right")
        axis.set_title(title)
        axis.set_ylabel(label)
        axis.spines[["top", "right"]].set_visible(False)
        # Room for the legend above the bars.
        axis.margins(y=0.3)
        axis.legend(frameon=False, fontsize=8, loc="upper left")
    figure.savefig(FOLDER / file, dpi=110)


if __name__ == "__main__":
    main()
