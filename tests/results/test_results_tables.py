"""The tables: dtypes without arguments, sums that agree, and what is in which row."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from mimesim.config.energy import Energy
from mimesim.energy import LEVELS
from mimesim.errors import InputError
from mimesim.ledger import STALLS
from mimesim.results import write_results
from mimesim.results.csv_file import harmless, render_csv
from mimesim.results.tables import PE_PARTS
from mimesim.simulation import CaseResult
from tests.replays import CASES, TASKS, Settings, run_tiny

DESIGNED = {
    "layers": "mode case scheme batch image task layer kind start_cycle end_cycle busy_cycles stall_dram_cycles"
    " stall_cache_cycles stall_noc_cycles stall_drain_cycles macs macs_dense input_sparsity output_sparsity"
    " energy_dram energy_cache energy_reg energy_mac energy_envm energy_total",
    "accesses": "mode case scheme batch image task layer level tensor direction words bursts energy",
    "storage": "case layer owner tensor words bytes",
}

Tables = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def folder(results: list[CaseResult], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("results") / "tiny-pipelined"
    return write_results(results, Settings(), out, {"wall_seconds": 1.5})


@pytest.fixture(scope="module")
def tables(folder: Path) -> Tables:
    return {path.stem: pd.read_csv(path) for path in folder.glob("*.csv")}


@pytest.mark.parametrize("name", DESIGNED)
def test_columns_of_the_design(tables: Tables, name: str) -> None:
    assert set(DESIGNED[name].split()) <= set(tables[name].columns)


@pytest.mark.parametrize("name", ["layers", "accesses", "phases", "bounds", "images", "storage", "summary"])
def test_dtypes_without_arguments(tables: Tables, name: str) -> None:
    table = tables[name]
    words = {"mode", "case", "scheme", "skipping", "image", "task", "layer", "kind", "level", "tensor", "direction"}
    words |= {"owner", "memory", "accounting", "energy_unit", "bound"}
    if name == "images":
        words -= {"image"}
    for column in table.columns:
        kind = table[column].dtype.kind
        if column in words:
            assert kind not in "iufb", column
        elif (
            column.startswith("energy")
            or "sparsity" in column
            or column.endswith(("gain", "utilisation", "second", "overlap", "macs_per_byte", "roof_macs_per_cycle"))
        ):
            assert kind == "f", column
        elif column.startswith("envm"):
            assert table[column].isna().all(), "a machine without such a memory"
        elif column not in ("speedup", "macs_per_cycle"):
            assert kind == "i", column


def test_no_index_no_carriage_return_no_formula(folder: Path) -> None:
    for path in folder.glob("*.csv"):
        text = path.read_bytes().decode()
        assert "\r" not in text
        assert text.endswith("\n")
        assert not any(cell.startswith(("=", "+", "-", "@")) for line in text.splitlines() for cell in line.split(","))


def test_one_row_per_case_batch_image_and_layer(tables: Tables) -> None:
    layers = tables["layers"]
    assert not layers.duplicated(["case", "batch", "image", "layer"]).any()
    own = layers[layers["image"] != "shared"]
    assert len(own) == len(CASES) * 4 * 7
    assert set(layers["task"]) == {*TASKS, "shared"}
    assert (own["task"] != "shared").all()
    # Batches of three: apples, pears, apples; then pears alone.
    assert set(layers[(layers["batch"] == 1)]["task"]) == {"pears"}


def test_shared_rows_hold_what_several_images_caused(tables: Tables) -> None:
    layers = tables["layers"].query("case == 'mime-neuron'")
    shared = layers[layers["image"] == "shared"]
    assert (shared[["busy_cycles", "macs", "input_elements"]] == 0).all(axis=None)
    assert shared["input_sparsity"].isna().all()
    assert (shared.query("layer == 'conv2'")["energy_dram"] > 0).all()


def test_cycles_add_up(tables: Tables) -> None:
    stalls = [f"stall_{name}_cycles" for name in STALLS]
    rows = tables["layers"].groupby(["case", "phase"], sort=False)[["busy_cycles", *stalls]].sum()
    phases = tables["phases"].set_index(["case", "phase"])
    assert (rows == phases[rows.columns]).all(axis=None)
    assert (rows.sum(axis=1) == phases["cycles"]).all()
    bounds = tables["bounds"].set_index(["case", "layer"])
    assert (bounds["busy_cycles"] + bounds[stalls].sum(axis=1) == bounds["cycles"]).all()
    assert (bounds.groupby("case", sort=False)["cycles"].sum() == tables["summary"].set_index("case")["cycles"]).all()
    pes = phases[[f"pe_{part}" for part in (*PE_PARTS, "stalled")]].sum(axis=1)
    assert (pes == phases["pes"] * phases["cycles"]).all()
    summary = tables["summary"].set_index("case")
    assert (phases.groupby("case", sort=False)["cycles"].sum() == summary["cycles"]).all()
    assert (summary["busy_cycles"] + summary[stalls].sum(axis=1) == summary["cycles"]).all()


def test_energies_add_up_exactly(tables: Tables) -> None:
    columns = [f"energy_{level}" for level in LEVELS]
    layers, summary = tables["layers"], tables["summary"].set_index("case")
    assert (layers[columns].sum(axis=1) == layers["energy_total"]).all()
    assert (layers.groupby("case", sort=False)[columns].sum() == summary[columns]).all(axis=None)
    memories = tables["accesses"].groupby(["case", "level"], sort=False)["energy"].sum().unstack()
    assert (memories == layers.groupby("case", sort=False)[[f"energy_{m}" for m in memories]].sum().to_numpy()).all(
        axis=None
    )
    own = layers[layers["image"] != "shared"].groupby(["case", layers["image"]])["energy_total"].sum()
    images = tables["images"].set_index(["case", tables["images"]["image"].astype(str)])["energy_total"]
    assert (own.sort_index() == images.sort_index()).all()


def test_words_and_bytes_add_up(tables: Tables) -> None:
    dram = tables["accesses"].query("level == 'dram'").groupby("case", sort=False)[["words", "bursts"]].sum()
    summary = tables["summary"].set_index("case")
    assert (dram["words"] == summary["dram_words"]).all()
    assert (dram["bursts"] == summary["dram_bursts"]).all()
    assert (summary["dram_bytes"] == 64 * summary["dram_bursts"]).all()
    assert (tables["storage"].groupby("case", sort=False)["bytes"].sum() == summary["bytes_stored"]).all()
    assert (tables["storage"]["bytes"] == 2 * tables["storage"]["words"]).all()


def test_summary_by_hand(tables: Tables, results: list[CaseResult]) -> None:
    summary = tables["summary"].set_index("case")
    dense, mime = summary.loc["dense"], summary.loc["mime-neuron"]
    ledger = results[[case[0] for case in CASES].index("mime-neuron")].ledger
    assert mime["cycles"] == ledger.cycles
    assert mime["images_per_second"] == pytest.approx(4 * 200e6 / ledger.cycles)
    assert mime["speedup"] == pytest.approx(dense["cycles"] / mime["cycles"])
    assert (
        mime["energy_gain"] == mime["energy_gain_paper"] == pytest.approx(dense["energy_total"] / mime["energy_total"])
    )
    assert mime["energy_total_full"] > mime["energy_total_paper"] == mime["energy_total"]
    assert (summary.loc["dense", ["speedup", "energy_gain", "energy_gain_full", "storage_gain"]] == 1).all()
    # One float per neuron: 16 x 8 x 8, 32 x 8 x 8, 2 x 32 x 4 x 4 thresholds for each of two tasks.
    assert mime["bytes_stored_thresholds"] == 2 * 2 * (1024 + 2048 + 512 + 512)
    assert mime["macs_per_image_min"] < mime["macs_per_image_max"]
    assert (summary["accounting"] == "paper").all()
    assert (summary["energy_other"] == 0).all()


def test_full_accounting_in_picojoules(results: list[CaseResult], tmp_path: Path) -> None:
    energy = Energy.model_validate({"accounting": "full", "prices": "lpddr4-65nm-pj"})
    summary = pd.read_csv(write_results(results, Settings(energy), tmp_path / "out", {}) / "summary.csv")
    assert (summary["energy_unit"] == "pJ").all()
    assert (summary["energy_total"] == summary["energy_total_full"]).all()
    assert (summary["energy_dram"] == 128 * 32 * summary["dram_bursts"]).all()
    assert (summary["energy_other"] >= 150 * summary["cycles"]).all()


def test_run_json(folder: Path, results: list[CaseResult]) -> None:
    run = json.loads((folder / "run.json").read_text())
    assert run["balanced"] is True
    assert run["violations"] == []
    assert run["workload"]["energy"]["prices"]["dram"] == 200
    assert run["measured"]["wall_seconds"] == 1.5
    assert run["measured"]["cases"]["gate"]["passes"] == results[2].ledger.passes
    assert run["traces"] == {"hashed": "0" * 64}
    assert run["seeds"] == {"hashed": 0}
    assert run["cases"][0]["hardware"]["caches"]["weights_kib"] == 4
    assert run["cases"][0]["images"][3] == {"image": 3, "batch": 1, "task": "pears", "number": 1, "image_id": 101}
    assert {"mimesim", "numpy", "python", "simpy"} <= run["versions"].keys()
    assert set(run["files"]) == {path.name for path in folder.iterdir()}


def test_same_inputs_same_bytes(folder: Path, tmp_path: Path) -> None:
    again = write_results([run_tiny(*case) for case in CASES], Settings(), tmp_path / "again", {"wall_seconds": 9.0})
    for path in folder.glob("*.csv"):
        assert path.read_bytes() == (again / path.name).read_bytes()
    first, second = (json.loads((out / "run.json").read_text()) for out in (folder, again))
    assert first.pop("measured") != second.pop("measured")
    assert first == second


def test_a_cell_never_starts_a_formula() -> None:
    with pytest.raises(InputError, match="formula"):
        render_csv(["task"], [{"task": "=1+1"}])
    assert render_csv(["a", "b"], [{"b": None, "a": 0.1}]) == "a,b\n0.1,\n"
    with pytest.raises(ValueError, match="too many or missing"):
        render_csv(["a"], [{"a": 1, "b": 2}])


def test_what_looks_like_a_formula_can_be_made_harmless() -> None:
    assert [harmless(cell) for cell in ("=1+1", " @x", "+1", "-1", "\t=1")] == ["'=1+1", "' @x", "'+1", "'-1", "'\t=1"]
    assert [harmless(cell) for cell in ("conv1", "a=b", -1, -0.5, None)] == ["conv1", "a=b", -1, -0.5, None]
    assert render_csv(["task"], [{"task": harmless("=1+1")}]) == "task\n'=1+1\n"
