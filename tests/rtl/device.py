"""Runs the Verilog model on vectors, and reads what it did."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from mimesim.schedule.images import Image
from tests.rtl.arithmetic import WORD_BITS, Array
from tests.rtl.vectors import SentTile, Vectors

__all__ = ["DESIGN", "RTL", "SOURCES", "Steps", "compile_bench", "need", "outputs", "run"]

#: Stands for a word with undefined bits; the hardware sends no such number.
UNDEFINED = 2**40

RTL = Path(__file__).parents[2] / "rtl"
#: What is hardware; the test bench is not.
DESIGN = sorted(path for path in RTL.glob("*.v") if path.name != "testbench.v")
SOURCES = [*DESIGN, RTL / "testbench.v"]


@dataclass
class Steps:
    """Start and end of each step in cycles, by part (fill, pass, job), and the words that each job sent."""

    starts: dict[str, list[int]] = field(default_factory=lambda: {"fill": [], "pass": [], "job": []})
    ends: dict[str, list[int]] = field(default_factory=lambda: {"fill": [], "pass": [], "job": []})
    words: dict[int, list[int]] = field(default_factory=dict)


def need(program: str, package: str) -> None:
    """Skip the test where a program is not installed."""
    if shutil.which(program) is None:
        pytest.skip(f"needs {program}, of the package {package}")


def compile_bench(parameters: dict[str, int], target: Path, sources: Sequence[Path] = SOURCES) -> str:
    """Compile the model and its test bench into *target*; return what the compiler said."""
    need("iverilog", "iverilog")
    values = [f"-Ptestbench.{name}={value}" for name, value in parameters.items()]
    command = ["iverilog", "-g2005", "-Wall", *values, "-s", "testbench", "-o", str(target), *map(str, sources)]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def run(made: Vectors, folder: Path, sources: Sequence[Path] = SOURCES) -> Steps:
    """Run the model on *made* in *folder*."""
    warnings = compile_bench(made.parameters, folder / "bench.vvp", sources)
    assert warnings == ""
    made.write(folder)
    done = subprocess.run(
        ["vvp", "-n", "bench.vvp"], cwd=folder, text=True, capture_output=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    steps = Steps()
    last = ""
    for line in done.stdout.splitlines():
        kind, *rest = line.split()
        if kind == "word":
            steps.words.setdefault(int(rest[0]), []).append(
                int(rest[1]) if rest[1].lstrip("-").isdigit() else UNDEFINED
            )
        elif kind in ("start", "end"):
            listed = (steps.starts if kind == "start" else steps.ends)[rest[0]]
            assert int(rest[1]) == len(listed), line
            listed.append(int(rest[2]))
        else:
            last = kind
            assert kind in ("done", "stuck"), line
    assert last in ("done", "stuck"), done.stdout + done.stderr
    return steps


def outputs(made: Vectors, steps: Steps, shapes: dict[str, tuple[int, int, int]]) -> dict[tuple[int, str], Array]:
    """Return the tensors that the jobs sent, by (image, tensor), from masks and set words as they were packed."""
    tensors: dict[tuple[int, str], Array] = {}
    for number, tile in enumerate(made.sent):
        words = steps.words.get(number, [])
        per_image = len(tile.rows) * len(tile.columns) * (tile.channels[1] - tile.channels[0])
        mask_words = -(-per_image // WORD_BITS) if tile.compressed else 0
        count = mask_words * len(tile.images)
        bits = np.array([word >> bit & 1 for word in words[:count] for bit in range(WORD_BITS)], dtype=np.bool_)
        rest = words[count:]
        for position, image in enumerate(tile.images):
            mask = np.ones(per_image, dtype=np.bool_)
            if tile.compressed:
                begin = position * mask_words * WORD_BITS
                mask = bits[begin : begin + per_image]
                assert not bits[begin + per_image : begin + mask_words * WORD_BITS].any()
            values = np.zeros(per_image, dtype=np.int64)
            taken, rest = rest[: mask.sum()], rest[mask.sum() :]
            assert len(taken) == mask.sum(), f"job {number} sends too little"
            assert 0 not in taken or not tile.compressed, f"job {number} sends a zero"
            values[mask] = taken
            _place(tensors, tile, image, values, shapes[tile.tensor])
        assert rest == [], f"job {number} sends too much"
    return tensors


def _place(
    tensors: dict[tuple[int, str], Array], tile: SentTile, image: Image, values: Array, shape: tuple[int, int, int]
) -> None:
    tensor = tensors.setdefault((image.index, tile.tensor), np.full(shape, 2**40, dtype=np.int64))
    first, last = tile.channels
    parts = values.reshape(len(tile.rows), len(tile.columns), last - first).transpose(2, 0, 1)
    tensor[first:last, tile.rows.start : tile.rows.stop, tile.columns.start : tile.columns.stop] = parts
