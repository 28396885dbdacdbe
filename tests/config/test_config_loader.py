from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import yaml

from mimesim.config import Hardware, Schedule, Workload, dump_workload, load_workload, shipped_folder
from mimesim.config.dram import Dram
from mimesim.config.standard import Part
from mimesim.errors import InputError
from tests.config.conftest import MINIMAL, Write

SHIPPED = sorted(path.stem for path in shipped_folder().glob("*.yaml"))


def test_a_file_is_filled_up_with_defaults(minimal: Path) -> None:
    workload = load_workload(minimal)
    assert workload.tasks == ("cifar10", "cifar100")
    assert workload.batch_images == 3
    assert workload.schedule == Schedule()
    assert workload.hardware == Hardware.model_validate({"grid": {"channels": 32}})
    assert [case.skipping for case in workload.cases] == ["per_position", "none"]
    assert workload.trace_folder("mime") == minimal.parent / "masks"


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_workloads_are_found_by_name_and_by_path(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    by_name = load_workload(name)
    assert by_name.name == name
    monkeypatch.chdir(shipped_folder().parent)
    assert load_workload(f"workloads/{name}.yaml") == by_name


@pytest.mark.parametrize("name", SHIPPED)
def test_a_dump_loads_to_the_same_again(name: str, tmp_path: Path) -> None:
    workload = load_workload(name, ["schedule.barrier=tile", "cases.0.hardware.grid.channels=16"])
    (tmp_path / "again.yaml").write_text(dump_workload(workload))
    again = load_workload(tmp_path / "again.yaml")
    assert dump_workload(again) == dump_workload(workload)
    assert again.model_copy(update={"traces": {}}) == workload.model_copy(update={"traces": {}})
    assert again.trace_folder(next(iter(again.traces))) == workload.trace_folder(next(iter(workload.traces))).resolve()


def test_a_dump_writes_every_default_out(minimal: Path) -> None:
    data = yaml.safe_load(dump_workload(load_workload(minimal)))
    assert data.keys() == Workload.model_fields.keys()
    assert data["hardware"]["dram"]["timing"].keys() == Hardware().dram.timing.model_dump().keys()


def test_the_preset_mime65_writes_the_defaults_out() -> None:
    text = (shipped_folder() / "hardware" / "mime65.yaml").read_text()
    written, defaults = yaml.safe_load(text), Hardware().model_dump(mode="json")
    # The DRAM's numbers are its standard's.
    assert set(defaults["dram"]) - set(written["dram"]) == set(Part.model_fields)
    defaults["dram"] = {key: defaults["dram"][key] for key in written["dram"]}
    assert written == yaml.safe_load(yaml.safe_dump(defaults))


def test_a_preset_goes_by_name_or_by_path_and_takes_settings(write: Write, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("name: mine\nclock_mhz: 100\n")
    text = MINIMAL[: MINIMAL.index("hardware:")]
    by_path = load_workload(write(text + "hardware: ./mine.yaml\n"), ["hardware.grid.channels=8"])
    assert (by_path.hardware.name, by_path.hardware.clock_mhz, by_path.hardware.grid.channels) == ("mine", 100, 8)
    by_name = load_workload(write(text + "hardware: mime65-256pe\n"))
    assert by_name.hardware.grid.pes == 256
    assert load_workload(write(text), ["hardware=mime65-256pe"]).hardware == by_name.hardware


def test_changes_of_a_case_are_laid_over_the_workload(minimal: Path) -> None:
    settings = ["cases.0.hardware={grid: {positions: [2, 2]}}", "cases.second.schedule.set_order=outer"]
    workload = load_workload(minimal, settings)
    first, second = workload.cases
    assert workload.hardware_for(first).grid.model_dump() == {"positions": (2, 2), "channels": 32}
    assert workload.hardware_for(second) == workload.hardware
    assert workload.schedule_for(first) == workload.schedule
    assert workload.schedule_for(second).set_order == "outer"


def test_later_settings_win(minimal: Path) -> None:
    assert load_workload(minimal, ["batch_images=5", "batch_images=7"]).batch_images == 7


@pytest.mark.parametrize(
    ("mode", "tasks", "expected"), [("singular", None, 3), ("pipelined", None, 2), ("pipelined", 1, 3)]
)
def test_images_fill_a_batch_unless_told(minimal: Path, mode: str, tasks: int | None, expected: int) -> None:
    assert load_workload(minimal).images_for(mode, tasks) == expected  # type: ignore[arg-type]
    assert load_workload(minimal, ["images_per_task=4"]).images_for(mode, tasks) == 4  # type: ignore[arg-type]


def test_a_workload_survives_pickling_with_its_places(minimal: Path) -> None:
    workload = load_workload(minimal)
    copy = pickle.loads(pickle.dumps(workload))  # noqa: S301
    assert copy == workload
    assert copy.trace_folder("mime") == workload.trace_folder("mime")
    assert str(copy.error(("cases", 1, "name"), "is odd")) == f"{minimal}:9: cases.1.name: is odd"


def test_a_workload_made_in_python_is_checked_too() -> None:
    case = {"name": "one", "scheme": "mime", "trace": "mime"}
    with pytest.raises(InputError, match=r"^workload: cases\.1\.name = 'one': another case has the same name$"):
        Workload.model_validate({"name": "x", "tasks": ["a"], "traces": {"mime": "m"}, "cases": [case, case]})


def test_anchors_and_merge_keys_work(write: Write) -> None:
    text = MINIMAL.replace("  - name: first", "  - &first\n    name: first")
    workload = load_workload(
        write(text.replace("    skipping: none", "    skipping: gate\n  - {<<: *first, name: third}"))
    )
    assert [(case.name, case.trace, case.skipping) for case in workload.cases][2] == ("third", "mime", "per_position")


def test_a_standard_lies_under_what_stands_beside_it() -> None:
    settings = ["hardware.dram.standard=DDR4", "hardware.dram.channels=2", "hardware.dram.timing.t_rcd=19"]
    dram = load_workload("tiny", settings).hardware.dram
    assert (dram.standard, dram.channels, dram.organisation.channels, dram.organisation.bank_groups) == (
        *("DDR4-2400", 2, 2, 4),
    )
    assert (dram.timing.t_rcd, dram.timing.t_rp, dram.clock_mhz) == (19, 17, 1200)


def test_another_standard_replaces_the_numbers_of_the_one_before_but_not_how_many(tmp_path: Path) -> None:
    (tmp_path / "shown.yaml").write_text(dump_workload(load_workload("tiny", ["hardware.dram.channels=2"])))
    dram = load_workload(tmp_path / "shown.yaml", ["hardware.dram.standard=HBM2"]).hardware.dram
    assert (dram.standard, dram.channels, dram.timing.t_rcd, dram.clock_mhz) == ("HBM2", 2, 14, 1000)
    workload = load_workload("tiny", ["hardware.dram.ranks=2", "cases.case-2.hardware.dram.standard=HBM2"])
    standards = [workload.hardware_for(case).dram for case in workload.cases]
    assert [(one.standard, one.ranks, one.timing.t_rcd) for one in standards] == [
        *(("DDR3-1600", 2, 11), ("HBM2", 2, 14), ("DDR3-1600", 2, 11)),
    ]


def test_a_case_may_change_how_many_channels() -> None:
    workload = load_workload("tiny", ["cases.0.hardware.dram.channels=4"])
    assert workload.hardware_for(workload.cases[0]).dram.organisation.channels == 4


def test_a_standard_in_a_file_and_in_place(tmp_path: Path) -> None:
    text = (shipped_folder() / "dram" / "DDR3-1600.yaml").read_text()
    (tmp_path / "own.yaml").write_text(text.replace("t_cl: 11 ", "t_cl: 9 ").replace("name: DDR3-1600", "name: own"))
    shown = tmp_path / "shown.yaml"
    shown.write_text(dump_workload(load_workload("tiny")))
    by_path = load_workload(shown, ["hardware.dram.standard=own.yaml"]).hardware.dram
    assert (by_path.standard, by_path.timing.t_cl) == ("own", 9)
    (tmp_path / "own.yaml").write_text(text.replace("t_cl: 11 ", "t_cl: nine "))
    with pytest.raises(InputError, match=r"own\.yaml:\d+: timing\.t_cl = 'nine': must be a whole number"):
        load_workload(shown, ["hardware.dram.standard=own.yaml"])
    in_place = Dram.model_validate({"standard": {"name": "mine", **yaml.safe_load(text)} | {"name": "mine"}})
    assert (in_place.standard, in_place.timing) == ("mine", Dram().timing)
    # Written out, it is read again, although no standard has its name.
    assert Dram.model_validate(in_place.model_dump()) == in_place
