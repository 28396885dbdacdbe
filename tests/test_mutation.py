"""The faults that ``benchmarks/mutation`` puts into the simulator still fit the code that they change."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from benchmarks.mutation.fault import ROOT
from benchmarks.mutation.hand_made import HAND_MADE
from benchmarks.mutation.sampled import sample


def test_every_fault_made_by_hand_fits_and_leaves_a_program() -> None:
    assert len({fault.name for fault in HAND_MADE}) == len(HAND_MADE) >= 20
    for fault in HAND_MADE:
        source = (ROOT / fault.path).read_text(encoding="utf-8")
        mutated = source.replace(fault.before, fault.after)
        assert ast.dump(ast.parse(mutated)) != ast.dump(ast.parse(source)), fault.name


def test_mutants_are_sampled_and_fit(tmp_path: Path) -> None:
    pytest.importorskip("cosmic_ray")
    faults = sample(3)
    assert len({(fault.path, fault.offset, fault.after) for fault in faults}) == 3
    for fault in faults:
        (tmp_path / fault.path).parent.mkdir(parents=True, exist_ok=True)
        fault.apply(tmp_path)
        source, mutated = ((tree / fault.path).read_text(encoding="utf-8") for tree in (ROOT, tmp_path))
        assert ast.dump(ast.parse(mutated)) != ast.dump(ast.parse(source)), fault.name
