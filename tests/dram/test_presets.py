"""The shipped standards, and standards of one's own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mimesim.config import shipped_folder
from mimesim.dram import load_standard, shipped_standards
from mimesim.errors import InputError

NAMES = ["DDR3-1600", "DDR4-2400", "HBM2", "LPDDR3-1600", "LPDDR4-3200"]
#: Bytes of a channel, and of a row over all devices of a rank.
SIZES = {
    "DDR3-1600": (4 << 30, 8192),
    "DDR4-2400": (8 << 30, 8192),
    "HBM2": (512 << 20, 2048),
    "LPDDR3-1600": (2 << 30, 8192),
    "LPDDR4-3200": (1 << 30, 4096),
}


def test_they_are_all_there_and_called_as_their_files() -> None:
    assert shipped_standards() == NAMES
    assert [load_standard(name).name for name in NAMES] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_sizes_are_those_of_the_parts(name: str) -> None:
    organisation = load_standard(name).organisation
    assert (organisation.bytes, organisation.bursts_per_row * 64) == SIZES[name]


@pytest.mark.parametrize("name", NAMES)
def test_every_time_tells_where_it_comes_from(name: str) -> None:
    lines = (shipped_folder() / "dram" / f"{name}.yaml").read_text().splitlines()
    timed = [line for line in lines if re.match(r"  t_\w+: ", line)]
    assert len(timed) >= 19
    # The long one of a pair may lean on the short one above it.
    assert [
        line for line in timed if "#" not in line and not line.startswith(("  t_ccd_l", "  t_rrd_l", "  t_wtr_l"))
    ] == []


@pytest.mark.parametrize("name", NAMES)
def test_times_fit_together(name: str) -> None:
    standard = load_standard(name)
    timing = standard.timing
    assert timing.t_rc >= timing.t_ras + timing.t_rp - 1
    assert timing.t_ras >= timing.t_rcd
    assert timing.t_faw >= 4 * timing.t_rrd_s
    assert timing.t_ccd_s >= standard.burst_clocks
    for supply in standard.currents:
        assert supply.idd2n <= supply.idd3n <= min(supply.idd4r, supply.idd4w)
        assert min(supply.idd0, supply.idd5) >= supply.idd2n


@pytest.mark.parametrize(("short", "name"), [("LPDDR4", "LPDDR4-3200"), ("ddr3", "DDR3-1600"), ("hbm2", "HBM2")])
def test_a_short_name_is_enough(short: str, name: str) -> None:
    assert load_standard(short) == load_standard(name)


def test_a_standard_of_ones_own(tmp_path: Path) -> None:
    text = (shipped_folder() / "dram" / "DDR3-1600.yaml").read_text()
    (tmp_path / "own.yaml").write_text(text.replace("t_cl: 11 ", "t_cl: 9 "))
    own = load_standard(str(tmp_path / "own.yaml"), ["timing.t_rp=10"])
    assert (own.timing.t_cl, own.timing.t_rp, own.timing.t_rcd) == (9, 10, 11)


@pytest.mark.parametrize(
    ("name", "setting", "message"),
    [
        ("DDR5", None, "--standard: 'DDR5': there is no such standard; known: DDR3-1600, DDR4-2400"),
        ("none.yaml", None, "none.yaml: cannot be read"),
        ("DDR3", "timing.t_cl=0", "--set timing.t_cl=0: timing.t_cl = 0: must be at least 1"),
        ("DDR3", "timing.tcl=9", "--set timing.tcl=9: timing.tcl: unknown key; did you mean 't_cl'?"),
        ("DDR3", "timing.t_refi=200", "--set timing.t_refi=200: timing.t_refi = 200: must be more than 219"),
        ("DDR3", "timing.t_ccd_s=9", "timing: t_ccd_s must be at most t_ccd_l"),
        ("DDR3", "organisation.ranks=3", "--set organisation.ranks=3: organisation.ranks = 3: must be a power of two"),
        ("DDR3", "organisation.bus_bits=32", "organisation: bus_bits x burst_length must be 512"),
        ("DDR3", "organisation.device_bits=48", "organisation: bus_bits must be a multiple of device_bits"),
    ],
)
def test_mistakes_are_named(name: str, setting: str | None, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        load_standard(name, [setting] if setting else [])
