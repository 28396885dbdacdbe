"""What ``mimesim doctor`` finds, and what it takes for a fault."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import pytest

from mimesim import doctor
from mimesim.doctor import Check, examine, healthy

ROOT = Path(__file__).resolve().parents[1]


def found(group: str) -> dict[str, Check]:
    return {check.name: check for check in examine() if check.group == group}


def test_every_package_of_setup_cfg_is_looked_for() -> None:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    for group, text in {"core": parser["options"]["install_requires"], **parser["options.extras_require"]}.items():
        looked_for = found(group)
        assert [*looked_for][group == "core" :] == [line.partition(">=")[0] for line in text.split()]
        for name in [*looked_for][group == "core" :]:
            if looked_for[name].state == "ok":
                assert looked_for[name].found.startswith(metadata.version(name))


def test_here_a_run_has_all_that_it_needs() -> None:
    checks = list(examine())
    assert [check for check in checks if check.needed and check.state != "ok"] == []
    assert healthy(checks)
    assert {"tiny", "vgg16"} <= {check.name for check in checks if check.group == "shipped"}


@pytest.mark.parametrize(
    ("installed", "state"),
    [("1.25.9", "wrong"), ("1.26", "ok"), ("1.26.0", "ok"), ("2.4.6", "ok"), ("3.0", "wrong"), ("2.10rc1", "ok")],
)
def test_a_version_is_held_against_its_range(installed: str, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: installed if name == "numpy" else real(name))
    numpy = found("core")["numpy"]
    assert (numpy.state, numpy.found) == (state, f"{installed} (>=1.26,<3)")
    assert healthy([numpy]) == (state == "ok")


def test_what_is_not_installed_is_a_fault_of_the_core_only(monkeypatch: pytest.MonkeyPatch) -> None:
    real = metadata.version

    def version(name: str) -> str:
        if name in ("simpy", "matplotlib"):
            raise metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(metadata, "version", version)
    simpy, matplotlib = found("core")["simpy"], found("plot")["matplotlib"]
    assert (simpy.state, simpy.needed, matplotlib.state, matplotlib.needed) == ("missing", True, "missing", False)
    assert "pip install 'mimesim[plot]'" in matplotlib.found
    assert healthy([matplotlib])
    assert not healthy([simpy])


def test_an_installed_package_says_the_same_as_setup_cfg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    declared = doctor.requirements()
    built = metadata.PathDistribution(tmp_path)
    lines = [f"Requires-Python: {declared[0]}"]
    for group, packages in declared[1].items():
        for name, bounds in packages.items():
            # As setuptools writes them: the bounds in another order.
            text = name + ",".join(sorted(bounds.split(",")))
            lines.append(f"Requires-Dist: {text}" + (f'; extra == "{group}"' if group != "core" else ""))
    (tmp_path / "METADATA").write_text("\n".join(["Metadata-Version: 2.1", "Name: mimesim", "Version: 0", *lines]))
    monkeypatch.setattr(metadata, "metadata", lambda _: built.metadata)
    monkeypatch.setattr(doctor, "__file__", str(tmp_path / "site-packages" / "mimesim" / "doctor.py"))
    python, groups = doctor.requirements()
    as_sets = {group: {name: {*bounds.split(",")} for name, bounds in found.items()} for group, found in groups.items()}
    assert python == declared[0]
    assert as_sets == {
        group: {name: {*bounds.split(",")} for name, bounds in packages.items()}
        for group, packages in declared[1].items()
    }


def test_a_damaged_trace_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "workloads").mkdir()
    shutil.copytree(ROOT / "workloads" / "hardware", tmp_path / "workloads" / "hardware")
    shutil.copytree(ROOT / "workloads" / "dram", tmp_path / "workloads" / "dram")
    shutil.copy(ROOT / "workloads" / "tiny.yaml", tmp_path / "workloads")
    shutil.copytree(ROOT / "traces" / "tiny", tmp_path / "traces" / "tiny")
    monkeypatch.setattr("mimesim.config.shipped_folder", lambda: tmp_path / "workloads")
    assert found("shipped")["tiny"].state == "ok"
    (tmp_path / "traces" / "tiny" / "mime" / "cifar10.npz").write_bytes(b"none")
    broken = found("shipped")["tiny"]
    assert (broken.state, broken.needed) == ("wrong", True)
    assert "cifar10" in broken.found


def test_image_sets_and_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIMESIM_DATA", str(tmp_path / "nowhere"))
    assert found("image sets")["MIMESIM_DATA"].state == "wrong"
    monkeypatch.setenv("MIMESIM_DATA", str(tmp_path))
    assert {found("image sets")[name].state for name in ("cifar10", "fashion_mnist")} == {"missing"}
    (tmp_path / "cifar-10-batches-py").mkdir()
    (tmp_path / "FashionMNIST" / "raw").mkdir(parents=True)
    sets = found("image sets")
    assert {name for name in sets if sets[name].state == "ok"} - {"digits"} == {
        "MIMESIM_DATA",
        "cifar10",
        "fashion_mnist",
    }
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").write_text("a file")
    assert found("results")["out"].state == "wrong"


@pytest.mark.skipif(find_spec("torch") is None, reason="the image sets need PyTorch")
def test_every_image_set_is_looked_for() -> None:
    from mimesim.training.sources import DATASETS

    assert {*doctor._IMAGE_SETS, "digits", "digits_parity"} == DATASETS.keys()


def test_it_runs_without_a_single_package() -> None:
    script = (
        "import sys\n"
        "for name in ('numpy', 'pydantic', 'simpy', 'yaml', 'rich', 'pandas', 'torch', 'sklearn'):\n"
        "    sys.modules[name] = None\n"
        "from importlib import util\n"
        "real = util.find_spec\n"
        "util.find_spec = lambda name: None if sys.modules.get(name, 0) is None else real(name)\n"
        "from mimesim.cli.main import _status\n"
        "sys.exit(_status(['doctor']))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert "! missing  workloads        cannot be looked at without" in done.stdout
    assert "mimesim cannot run" in done.stdout
