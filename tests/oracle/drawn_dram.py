"""DRAM for hypothesis to draw: shipped standards, and parts whose gates are short."""

from __future__ import annotations

from hypothesis import strategies as st

from mimesim.config.dram import Dram
from mimesim.config.shipped import shipped_standards

__all__ = ["drams"]

#: Every field once, in any order: where the row lies lower than the column, a row run is short.
_MAPS = st.one_of(
    st.sampled_from(["RoRaBaCoBgCh", "RoBaRaCoCh", "RoCoRaBaBgCh"]),
    st.permutations(["Ro", "Ra", "Bg", "Ba", "Co", "Ch"]).map("".join),
)


@st.composite
def drams(draw: st.DrawFn, rows: int = 1 << 16) -> Dram:
    """Draw a shipped standard, or a part whose gates are a few clocks long, in which any of them may decide."""

    def power(most: int) -> int:
        return 1 << draw(st.integers(0, most))

    use = {
        "channels": power(2),
        "ranks": power(1),
        "map": draw(_MAPS),
        "page": draw(st.sampled_from(["open", "open", "closed"])),
        "queue": draw(st.integers(1, 4)),
        "refresh": draw(st.booleans()),
    }
    if draw(st.integers(0, 3)) == 0:
        return Dram.model_validate(use | {"standard": draw(st.sampled_from(shipped_standards()))})

    def clocks(most: int) -> int:
        return draw(st.integers(0, most))

    def pair(name: str, most: int) -> dict[str, int]:
        short = clocks(most)
        return {f"{name}_s": short, f"{name}_l": short + clocks(most)}

    timing = {
        "t_rcd": clocks(12),
        "t_rp": clocks(12),
        "t_cl": clocks(12),
        "t_cwl": clocks(10),
        "t_ras": clocks(30),
        "t_rc": clocks(45),
        "t_faw": clocks(40),
        "t_wr": clocks(14),
        "t_rtp": clocks(8),
        "t_rtw": clocks(4),
        "t_rtrs": clocks(3),
        "t_rp_all": clocks(14),
        "t_rfc": clocks(40),
        **pair("t_ccd", 6),
        **pair("t_rrd", 8),
        **pair("t_wtr", 6),
        "t_refi": draw(st.one_of(st.integers(60, 600), st.just(6240))),
    }
    transfers = 1 << draw(st.integers(1, 3))
    bits = draw(st.sampled_from([4, 8, 16, 64])) * 8 // transfers
    organisation = {
        "bank_groups": power(2),
        "banks_per_group": power(2),
        "rows": rows,
        "burst_length": transfers,
        "columns": transfers << draw(st.integers(0, 7)),
        "device_bits": bits,
        "bus_bits": bits,
    }
    clock = draw(st.integers(200, 4000)) / 4
    part = {"name": "drawn", "source": "drawn", "clock_mhz": clock, "organisation": organisation, "timing": timing}
    return Dram.model_validate(use | {"standard": part})
