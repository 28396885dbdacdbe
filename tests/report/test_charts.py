"""Every chart's numbers against the summary, which another module has summed, and its drawing against its numbers."""

from __future__ import annotations

import csv
import io
import shutil
from collections import defaultdict
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch

from mimesim.report.charts import CHARTS
from mimesim.report.plot import Plot
from mimesim.report.runs import Gap, Run, find_runs

Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def run(results: Path) -> Run:
    return find_runs([results / "tiny-small"])[0][0]


def read(path: Path) -> Rows:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def summary(run: Run) -> dict[str, dict[str, str]]:
    return {row["case"]: row for row in read(run.folder / "summary.csv")}


def only(run: Run, chart: str) -> Plot:
    (plot,) = CHARTS[chart].plots(run)
    return plot


def rows(run: Run, chart: str) -> Rows:
    """Return what the CSV of a chart says."""
    return list(csv.DictReader(io.StringIO(only(run, chart).csv())))


def sums(found: Rows, column: str) -> dict[str, float]:
    total: dict[str, float] = defaultdict(float)
    for row in found:
        total[row["case"]] += float(row[column])
    return total


def expect(run: Run, column: str) -> dict[str, float]:
    return {case: pytest.approx(float(row[column])) for case, row in summary(run).items()}


@pytest.mark.parametrize("column", ["energy_dram", "energy_cache", "energy_reg", "energy_mac", "energy_total"])
def test_energy_of_all_layers_is_that_of_the_case(run: Run, column: str) -> None:
    assert sums(rows(run, "energy"), column) == expect(run, column)


def test_levels_that_cost_nothing_are_not_shown(run: Run) -> None:
    assert "energy_envm" not in rows(run, "energy")[0]


def test_throughput_is_that_of_the_cycles(run: Run) -> None:
    found = rows(run, "throughput")
    assert sums(found, "cycles") == expect(run, "cycles")
    cycles = {(row["layer"], row["case"]): int(row["cycles"]) for row in found}
    for row in found:
        layer = row["layer"]
        assert float(row["times_first"]) == pytest.approx(cycles[layer, "case-1"] / cycles[layer, row["case"]])
        assert float(row["images_per_second"]) == pytest.approx(3 * 200e6 / cycles[layer, row["case"]])


def test_storage_of_all_tasks_is_that_of_the_case_and_less_tasks_need_less(run: Run) -> None:
    found = rows(run, "storage")
    assert sums([row for row in found if row["tasks"] == "3"], "bytes") == expect(run, "bytes_stored")
    for case in run.cases:
        sizes = [int(row["bytes"]) for row in found if row["case"] == case]
        own = sum(
            int(row["bytes"])
            for row in read(run.folder / "storage.csv")
            if row["case"] == case and row["owner"] == "cifar10"
        )
        shared = sum(
            int(row["bytes"])
            for row in read(run.folder / "storage.csv")
            if row["case"] == case and row["owner"] == "shared"
        )
        assert sizes[0] == own + shared
        assert sizes == sorted(sizes)


def test_sparsity_is_of_all_outputs(run: Run) -> None:
    found = rows(run, "sparsity")
    assert {row["case"] for row in found} == {"case-2", "case-3"}, "case-1 takes all tensors for dense"
    full, used = sums(found, "output_elements"), sums(found, "output_set")
    shares = {case: 1 - used[case] / full[case] for case in full}
    assert shares == {case: value for case, value in expect(run, "output_sparsity").items() if case != "case-1"}
    first = found[0]
    assert float(first["output_sparsity"]) == pytest.approx(
        1 - int(first["output_set"]) / int(first["output_elements"])
    )


def test_stalls_and_work_are_all_cycles(run: Run) -> None:
    found = rows(run, "stalls")
    columns = [column for column in found[0] if column.endswith("_cycles")]
    assert len(columns) == 5
    for row in found:
        assert sum(int(row[column]) for column in columns) == int(row["cycles"])
    for column in columns:
        assert sums(found, column) == expect(run, column)


def test_no_layer_is_above_the_roof(run: Run) -> None:
    found = rows(run, "roofline")
    bounds = read(run.folder / "bounds.csv")
    assert len(found) == sum(float(row["macs"]) > 0 for row in bounds)
    assert all(0 < float(row["macs_per_cycle"]) <= float(row["roof_macs_per_cycle"]) <= 1024 for row in found)
    layers = list(dict.fromkeys(row["layer"] for row in bounds))
    assert all(layers[int(row["number"]) - 1] == row["layer"] for row in found)


def test_traffic_is_that_of_the_summary(run: Run) -> None:
    found = rows(run, "traffic")
    dram = [row for row in found if row["level"] == "dram"]
    assert sums(dram, "words") == expect(run, "dram_words")
    assert sums([row for row in dram if row["tensor"] == "weights"], "words") == expect(run, "dram_words_weights")
    assert all(int(row["bytes"]) == 2 * int(row["words"]) for row in found)


def test_evictions_are_those_at_switches(run: Run) -> None:
    found = rows(run, "evictions")
    assert sums(found, "refetched_words") == expect(run, "refetched_words_at_switches")
    across = [row for row in found if row["by_task"] != row["victim_task"] and "shared" not in row.values()]
    table = [row for row in read(run.folder / "evictions.csv") if row["at_task_switch"] == "1"]
    mine = [
        row
        for row in table
        if row["by_task"] != row["victim_task"] and "shared" not in (row["by_task"], row["victim_task"])
    ]
    assert sums(across, "refetched_words") == sums(mine, "refetched_words")
    assert sum(sums(across, "refetched_words").values()) > 0


def test_what_a_run_has_nothing_of_is_a_gap(results: Path) -> None:
    run = find_runs([results / "tiny-pipelined"])[0][0]
    with pytest.raises(Gap, match="nothing of what left the caches at a task switch had to be fetched again"):
        list(CHARTS["evictions"].plots(run))


@pytest.mark.parametrize(
    ("chart", "table"),
    [
        ("energy", "layers.csv"),
        ("throughput", "phases.csv"),
        ("storage", "storage.csv"),
        ("sparsity", "layers.csv"),
        ("stalls", "bounds.csv"),
        ("roofline", "bounds.csv"),
        ("traffic", "accesses.csv"),
        ("evictions", "evictions.csv"),
    ],
)
def test_a_table_that_is_not_there_is_a_gap(results: Path, tmp_path: Path, chart: str, table: str) -> None:
    shutil.copytree(results / "tiny-small", tmp_path / "old")
    (tmp_path / "old" / table).unlink()
    with pytest.raises(Gap, match=f"there is no {table}"):
        list(CHARTS[chart].plots(find_runs([tmp_path / "old"])[0][0]))


def test_every_chart_is_here() -> None:
    assert [*CHARTS] == ["energy", "throughput", "storage", "sparsity", "stalls", "roofline", "traffic", "evictions"]


@pytest.mark.parametrize("chart", ["energy", "stalls"])
def test_bars_are_as_long_as_their_numbers(run: Run, chart: str) -> None:
    plot = only(run, chart)
    column = "energy_total" if chart == "energy" else "cycles"
    totals = sorted(float(row[column] or 0) for row in plot.rows)
    for wide in (True, False):
        figure = Figure()
        plot.draw(figure, wide)
        tops: dict[tuple[int, float], float] = defaultdict(float)
        for number, axes in enumerate(figure.axes):
            for patch in axes.patches:
                assert isinstance(patch, PathPatch)
                for x, y in patch.get_path().vertices:
                    place, size = (x, y) if wide else (y, x)
                    # Either edge of a bar is as good as the other; the next bar's is 0.14 away.
                    tops[number, round(float(place) + 0.43 if float(place) % 1 > 0.5 else float(place) - 0.43)] = max(
                        tops[number, round(float(place) + 0.43 if float(place) % 1 > 0.5 else float(place) - 0.43)],
                        float(size),
                    )
        found = sorted(tops.values())
        scale = totals[-1] / found[-1]
        assert [top * scale for top in found] == pytest.approx([total for total in totals if total])
