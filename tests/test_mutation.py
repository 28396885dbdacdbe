"""The faults that ``benchmarks/mutation`` puts into the simulator still fit the code that they change."""

from __future__ import annotations

import ast

from benchmarks.mutation.fault import ROOT
from benchmarks.mutation.hand_made import HAND_MADE


def test_every_fault_made_by_hand_fits_and_leaves_a_program() -> None:
    assert len({fault.name for fault in HAND_MADE}) == len(HAND_MADE) >= 20
    for fault in HAND_MADE:
        source = (ROOT / fault.path).read_text(encoding="utf-8")
        mutated = source.replace(fault.before, fault.after)
        assert ast.dump(ast.parse(mutated)) != ast.dump(ast.parse(source)), fault.name
