"""Each kind of bad input gives one error that names file and line (or option), key, value and rule."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mimesim.config import load_workload
from mimesim.errors import InputError
from tests.config.conftest import MINIMAL, Write


def error_of(source: Path | str, *settings: str) -> InputError:
    with pytest.raises(InputError) as caught:
        load_workload(source, settings)
    return caught.value


SETTINGS = [
    ("hardware.grid.chanels=3", "hardware.grid.chanels: unknown key; did you mean 'channels'?"),
    ("hardwear.grid=3", "hardwear: unknown key; did you mean 'hardware'?"),
    ("cases.0.hardware.grd.channels=3", "cases.0.hardware.grd: unknown key; did you mean 'grid'?"),
    ("hardware.dram.timing.zzz=3", "hardware.dram.timing.zzz: unknown key; known: t_rcd, t_rp,"),
    ("hardware.dram.banks=4", "hardware.dram.banks: unknown key; it is now organisation.banks_per_group"),
    ("hardware.dram.row_bursts=4", "hardware.dram.row_bursts: unknown key; it is now organisation.columns"),
    ("hardware.dram.burst_bytes=4", "hardware.dram.burst_bytes: unknown key; it is now organisation.bus_bits x"),
    ("hardware.dram.timing.clock_mhz=4", "hardware.dram.timing.clock_mhz: unknown key; it is now clock_mhz, beside"),
    ("hardware.dram.timing.burst_clocks=4", "hardware.dram.timing.burst_clocks: unknown key; it is now half of"),
    ("cases.0.hardware.dram.timing.t_wtr=4", "cases.0.hardware.dram.timing.t_wtr: unknown key; it is now t_wtr_s and"),
    (
        "hardware.dram.standard=DDR4-2401",
        "hardware.dram.standard = 'DDR4-2401': there is no such standard; did you",
    ),
    (
        "cases.0.hardware.dram.standard=DDR9",
        "cases.0.hardware.dram.standard = 'DDR9': there is no such standard;",
    ),
    ("hardware.dram.channels=3", "hardware.dram.channels = 3: must be a power of two: it is a field of the address"),
    ("hardware.dram.map=RoCo", "hardware.dram.map = 'RoCo': must name each of Ro, Ra, Bg, Ba, Co, Ch once"),
    ("hardware.dram.page=half", "hardware.dram.page = 'half': must be 'open' or 'closed'"),
    ("hardware.grid.channels=0", "hardware.grid.channels = 0: must be at least 1"),
    ("hardware.grid.channels=-64", "hardware.grid.channels = -64: must be at least 1"),
    ("hardware.grid.channels=6.5", "hardware.grid.channels = 6.5: must be a whole number"),
    ("hardware.grid.channels='64'", "hardware.grid.channels = '64': must be a whole number"),
    ("hardware.grid.channels=true", "hardware.grid.channels = True: must be a whole number"),
    ("hardware.grid.positions=[4]", "hardware.grid.positions.1: is missing: the list is too short"),
    ("hardware.grid.positions=[4, 4, 4]", "hardware.grid.positions: must have at most 2 entries"),
    ("hardware.grid.positions=4", "hardware.grid.positions = 4: must be a list"),
    ("hardware.grid=4", "hardware.grid = 4: must be a mapping (key: value)"),
    ("hardware.clock_mhz=200 MHz", "hardware.clock_mhz = '200 MHz': must be a plain number; the key's name tells its"),
    ("hardware.clock_mhz='200'", "hardware.clock_mhz = '200': must be a plain number"),
    ("hardware.clock_mhz=-1", "hardware.clock_mhz = -1: must be more than 0"),
    ("hardware.clock_mhz=.inf", "hardware.clock_mhz = inf: must be a finite number"),
    ("hardware.word_bits=12", "hardware.word_bits = 12: must be 8, 16 or 32"),
    ("hardware=mime56", "hardware = 'mime56': there is no such hardware preset; did you mean 'mime65'?"),
    ("hardware=hardware/mime.yaml", "hardware = 'hardware/mime.yaml': there is no such hardware preset;"),
    ("hardware.dram.refresh=maybe", "hardware.dram.refresh = 'maybe': must be true or false"),
    ("cases.0.hardware.clock_mhz=0", "cases.0.hardware.clock_mhz = 0: must be more than 0"),
    ("schedule.barrier=tiles", "schedule.barrier = 'tiles': must be 'pass' or 'tile'; did you mean 'tile'?"),
    ("cases.0.skipping=nne", "cases.0.skipping = 'nne': must be 'per_position', 'lockstep', 'gate' or 'none'; did you"),
    ("cases.first.trace=mim", "cases.0.trace = 'mim': is not listed under traces; did you mean 'mime'?"),
    ("cases.1.name=first", "cases.1.name = 'first': another case has the same name"),
    ("cases.1.name=a/b", "cases.1.name = 'a/b': may hold letters, digits, '-', '_' and '.' only"),
    ("cases.1.name==x", "cases.1.name = '=x': may hold letters,"),
    ("cases.1.name=-x", "cases.1.name = '-x': may hold letters, digits, '-', '_' and '.' only, a letter or '_' first"),
    ("cases.1.name='1'", "cases.1.name = '1': may hold letters,"),
    ("cases.1.name='NA'", "cases.1.name = 'NA': this name means something else in a table of results"),
    ("tasks.0=shared", "tasks.0 = 'shared': is what results call the owner"),
    ("cases.0.hardware.grid=2020-01-01", "cases.0.hardware.grid: must be a mapping (key: value)"),
    ("cases.0.hardware=[1]", "cases.0.hardware: must be a mapping (key: value)"),
    ("cases=[]", "cases: must have at least 1 entry"),
    ("tasks=[]", "tasks: must have at least 1 entry"),
    ("tasks=[a, b, a]", "tasks.2 = 'a': names the same task twice"),
    ("tasks=cifar10", "tasks = 'cifar10': must be a list"),
    ("traces={}", "traces: must have at least 1 entry"),
    ("traces.a b=x", "traces.a b = 'a b': may hold letters,"),
    ("batch_images=0", "batch_images = 0: must be at least 1"),
    ("images_per_task=0", "images_per_task = 0: must be at least 1"),
    ("name=", "name: must be text"),
    ("name=5", "name = 5: must be text"),
    ("energy.accounting=papr", "energy.accounting = 'papr': must be 'paper' or 'full'; did you mean 'paper'?"),
    ("cases.2.name=x", "cases.2: the list has 2 entries, counted from 0"),
    ("cases.third.name=x", "cases.third: the list has 2 entries, counted from 0"),
    ("batch_images.x=1", "batch_images: is a single value: it has no entries"),
    ("batch_images", "must have the form key=value, such as hardware.dram.channels=2"),
    ("=3", "must have the form key=value"),
    ("a..b=3", "must have the form key=value"),
    ("hardware.dram={[}", "is not valid YAML"),
    ("hardware={a: 1, a: 2}", "a: stands twice (first in line 1)"),
    ("hardware=!!python/object/apply:os.system [true]", "is not valid YAML (could not determine a constructor"),
    ("name=2022-13-45", "is not valid YAML (month must be in 1..12"),
]


@pytest.mark.parametrize(("setting", "message"), SETTINGS, ids=[setting for setting, _ in SETTINGS])
def test_a_bad_setting_is_named(write: Write, setting: str, message: str) -> None:
    path = write(MINIMAL + "batch_images: 2\n")
    assert str(error_of(path, setting)).startswith(f"--set {setting}: {message}")


FILES = [
    ("channels: 32", "chanels: 32", 15, "hardware.grid.chanels: unknown key; did you mean 'channels'?"),
    ("channels: 32", "channels: -32", 15, "hardware.grid.channels = -32: must be at least 1"),
    ("skipping: none", "skipping: nothing", 12, "cases.1.skipping = 'nothing': must be 'per_position',"),
    ("name: second", "name: first", 9, "cases.1.name = 'first': another case has the same name"),
    ("cifar100]", "cifar10]", 2, "tasks.1 = 'cifar10': names the same task twice"),
    ("name: small", "name: small\nname: large", 2, "name: stands twice (first in line 1)"),
    ("    skipping: none", "    skipping: none\n    skipping: gate", 13, "skipping: stands twice (first in line 12)"),
    ("  mime: masks", "  mime: [masks", 5, "is not valid YAML (did not find expected ',' or ']')"),
    ("name: small", "name: &a [*a]", 1, "name: must be text"),
    ("    skipping: none", "    hardware: &a {grid: *a}", 12, "cases.1.hardware.grid.grid: unknown key; known: p"),
    ("name: small", "nme: small", 1, "nme: unknown key; did you mean 'name'?"),
]


@pytest.mark.parametrize(("old", "new", "line", "message"), FILES, ids=[new for _, new, _, _ in FILES])
def test_a_mistake_in_a_file_is_located(write: Write, old: str, new: str, line: int, message: str) -> None:
    assert old in MINIMAL
    path = write(MINIMAL.replace(old, new))
    assert str(error_of(path)).startswith(f"{path}:{line}: {message}")


def test_a_missing_key_is_named(write: Write) -> None:
    path = write(MINIMAL.replace("name: small\n", ""))
    assert str(error_of(path)) == f"{path}: name: is required"
    path = write(MINIMAL.replace("    scheme: mime\n", "", 1))
    assert str(error_of(path)) == f"{path}:6: cases.0.scheme: is required"


def test_a_mistake_in_a_preset_is_located_there(write: Write, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("grid:\n  channels: none\n")
    path = write(MINIMAL[: MINIMAL.index("hardware:")] + "hardware: mine.yaml\n")
    error = error_of(path)
    assert str(error) == f"{tmp_path / 'mine.yaml'}:2: hardware.grid.channels = 'none': must be a whole number"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must hold a mapping (key: value), not nothing"),
        (b"- a\n", "must hold a mapping (key: value), not a list"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"a: \x00", "is not valid YAML"),
        (b"a: " + b"[" * 5000, "is not valid YAML"),
        (b"# " + b"x" * 2**20, "is larger than 1048576 bytes: it is no configuration"),
        (b"a: 1\n---\nb: 2\n", "is not valid YAML (but found another document)"),
        (b"? [1, 2]\n: 3\n", "is not valid YAML"),
    ],
)
def test_a_file_that_is_no_workload_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "odd.yaml"
    path.write_bytes(content)
    assert re.search(rf"^{re.escape(str(path))}(:\d+)?: {re.escape(message)}", str(error_of(path)))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("tny", "tny: there is no shipped workload of this name, nor such a file; did you mean 'tiny'?"),
        ("zzz", "zzz: there is no shipped workload of this name, nor such a file; known: "),
        ("{folder}/smal.yaml", "{folder}/smal.yaml: there is no such file; did you mean 'small.yaml'?"),
        ("{folder}/none/x.yaml", "{folder}/none/x.yaml: there is no such file"),
        ("{folder}", "{folder}: is a folder; a workload is a YAML file"),
    ],
)
def test_a_workload_that_is_not_there_is_named(minimal: Path, source: str, message: str) -> None:
    source, message = (text.format(folder=minimal.parent) for text in (source, message))
    assert str(error_of(source)).startswith(message)
