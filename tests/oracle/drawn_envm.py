"""Hypothesis strategy: on-chip non-volatile memory of either design, with times of its own or of its technology."""

from __future__ import annotations

from hypothesis import strategies as st

from mimesim.config.hardware import Envm

__all__ = ["envms"]


@st.composite
def envms(draw: st.DrawFn) -> Envm:
    return Envm(
        switch=draw(st.sampled_from(["resident", "rewrite"])),
        words_per_cycle=draw(st.integers(1, 24)),
        read_latency_cycles=draw(st.one_of(st.none(), st.integers(0, 5))),
        read_ns=draw(st.sampled_from([0, 0.8, 5, 12.5])),
        write_words=draw(st.one_of(st.none(), st.integers(1, 24))),
        write_latency_cycles=draw(st.one_of(st.none(), st.integers(1, 9))),
        write_ns=draw(st.sampled_from([0, 10.64, 40])),
        capacity_kib=1024,
    )
