"""The long tables: what each image did at each layer (every column is explained in ``docs/results.md``)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, NamedTuple

from mimesim.energy import LEVELS, SHARED, CaseEnergy, PriceList, RowTasks
from mimesim.ledger import SHARED_IMAGE, STALLS, Access, ImageRow, PeCycles
from mimesim.results.csv_file import Row

if TYPE_CHECKING:
    # The simulation stands beside the results, and brings SimPy along.
    from mimesim.simulation import CaseResult

__all__ = [
    "ACCESSES",
    "IMAGES",
    "LAYERS",
    "PE_PARTS",
    "PHASES",
    "STORAGE",
    "PricedCase",
    "accesses_rows",
    "image_rows",
    "layers_rows",
    "phases_rows",
    "storage_rows",
]

PE_PARTS = tuple(field.name for field in fields(PeCycles))
_STALL_COLUMNS = tuple(f"stall_{name}_cycles" for name in STALLS)
_ENERGY_COLUMNS = (*(f"energy_{level}" for level in LEVELS), "energy_total")
_COUNTS = ("input_elements", "input_set", "output_elements", "output_set")

LAYERS = (
    *(
        "mode",
        "case",
        "scheme",
        "batch",
        "phase",
        "image",
        "task",
        "layer",
        "kind",
        "start_cycle",
        "end_cycle",
        "busy_cycles",
    ),
    *_STALL_COLUMNS,
    *("macs", "macs_dense", "input_sparsity", "output_sparsity", *_COUNTS),
    *_ENERGY_COLUMNS,
)
ACCESSES = (
    *("mode", "case", "scheme", "batch", "phase", "image", "task", "layer", "level", "tensor", "direction"),
    *("words", "bursts", "energy"),
)
PHASES = (
    *("mode", "case", "scheme", "batch", "phase", "layer", "kind", "images", "start_cycle", "end_cycle", "cycles"),
    *("passes", "busy_cycles", *_STALL_COLUMNS, "pes"),
    *(f"pe_{part}" for part in (*PE_PARTS, "stalled")),
)
IMAGES = (
    *("mode", "case", "scheme", "batch", "image", "task", "number", "image_id", "cycles", "busy_cycles"),
    *("macs", "macs_dense", *_ENERGY_COLUMNS),
)
STORAGE = ("case", "scheme", "layer", "owner", "tensor", "memory", "words", "bytes")


class PricedCase(NamedTuple):
    """A case with its energy under the accounting of the tables, and the names of its rows."""

    result: CaseResult
    energy: CaseEnergy
    tasks: RowTasks

    @classmethod
    def of(cls, result: CaseResult, prices: PriceList) -> PricedCase:
        """Price *result*."""
        tasks = RowTasks((image.index, image.batch, image.task) for image in result.images)
        return cls(result, CaseEnergy(result.ledger, prices), tasks)

    def head(self) -> dict[str, str]:
        """Return the cells that tell the cases apart."""
        return {"mode": self.result.mode, "case": self.result.case, "scheme": self.result.scheme}

    def rows(self) -> Iterator[tuple[int, int, ImageRow, Counter[Access]]]:
        """Yield (phase, image, counts, quanta): images in the order in which they run, what they share last."""
        priced = {(row.phase, row.image): row.quanta for row in self.energy.rows}
        for number, phase in enumerate(self.result.ledger.phases):
            # Images of other phases: their outputs may be evicted in this one.
            others = sorted(phase.rows.keys() - {*phase.images, SHARED_IMAGE})
            for image in (*phase.images, *others, SHARED_IMAGE):
                if (number, image) in priced:
                    yield number, image, phase.rows.get(image) or ImageRow(), priced[number, image]


def layers_rows(cases: Sequence[PricedCase]) -> Iterator[Row]:
    """One row per case, batch, image and layer; what several images share has a row of its own."""
    for case in cases:
        for number, image, row, quanta in case.rows():
            phase = case.result.ledger.phases[number]
            yield {
                **case.head(),
                **_whose(case, number, image),
                "kind": phase.kind,
                "start_cycle": phase.start_cycle,
                "end_cycle": phase.end_cycle,
                "busy_cycles": row.busy_cycles,
                **_stalls(row.stalls),
                "macs": row.macs,
                "macs_dense": row.macs_dense,
                "input_sparsity": _sparsity(row.input_set, row.input_elements),
                "output_sparsity": _sparsity(row.output_set, row.output_elements),
                **{name: getattr(row, name) for name in _COUNTS},
                **energy_cells(case.energy, quanta),
            }


def accesses_rows(cases: Sequence[PricedCase]) -> Iterator[Row]:
    """One row per case, batch, image, layer, level, tensor and direction."""
    for case in cases:
        for number, image, row, quanta in case.rows():
            whose = {**case.head(), **_whose(case, number, image)}
            # Commands of DRAM have energy without words.
            commands = {access for access in quanta if access[0] == "dram"}
            for access in sorted(row.words.keys() | row.bursts.keys() | commands, key=_access_order):
                words, bursts = row.words[access], row.bursts[access]
                if words or bursts or access in commands:
                    level, tensor, direction = access
                    yield {
                        **whose,
                        "level": level,
                        "tensor": tensor,
                        "direction": direction,
                        "words": words,
                        "bursts": bursts,
                        "energy": case.energy.prices.energy(quanta[access]),
                    }


def phases_rows(cases: Sequence[PricedCase]) -> Iterator[Row]:
    """One row per case, batch and phase, with where the cycles of the PEs went."""
    for case in cases:
        pes = case.result.hardware.grid.pes
        for number, phase in enumerate(case.result.ledger.phases):
            stalls: Counter[str] = Counter()
            for row in phase.rows.values():
                stalls.update(row.stalls)
            yield {
                **case.head(),
                "batch": phase.batch,
                "phase": number,
                "layer": phase.layer,
                "kind": phase.kind,
                "images": len(phase.images),
                "start_cycle": phase.start_cycle,
                "end_cycle": phase.end_cycle,
                "cycles": phase.end_cycle - phase.start_cycle,
                "passes": phase.passes,
                "busy_cycles": sum(row.busy_cycles for row in phase.rows.values()),
                **_stalls(stalls),
                "pes": pes,
                **{f"pe_{part}": getattr(phase.pe, part) for part in PE_PARTS},
                "pe_stalled": pes * stalls.total(),
            }


def image_rows(cases: Sequence[PricedCase]) -> Iterator[Row]:
    """One row per case and image, with what it alone caused."""
    for case in cases:
        sums: dict[int, Counter[str]] = {image.index: Counter() for image in case.result.images}
        quanta: dict[int, Counter[Access]] = {image: Counter() for image in sums}
        for _, index, row, priced in case.rows():
            if index == SHARED_IMAGE:
                continue
            quanta[index].update(priced)
            sums[index].update(
                cycles=row.busy_cycles + row.stalls.total(),
                busy_cycles=row.busy_cycles,
                macs=row.macs,
                macs_dense=row.macs_dense,
            )
        for image in case.result.images:
            yield {
                **case.head(),
                "batch": image.batch,
                "image": image.index,
                "task": image.task,
                "number": image.number,
                "image_id": image.image_id,
                **{name: sums[image.index][name] for name in ("cycles", "busy_cycles", "macs", "macs_dense")},
                **energy_cells(case.energy, quanta[image.index]),
            }


def storage_rows(cases: Sequence[PricedCase]) -> Iterator[Row]:
    """One row per case, layer, owner and tensor: and memory: the parameters that are stored."""
    for case in cases:
        result = case.result
        for key, stored in result.ledger.stored_words.items():
            on_chip = result.ledger.envm_words[key]
            for memory, words in (("dram", stored - on_chip), ("envm", on_chip)):
                if words:
                    yield {
                        "case": result.case,
                        "scheme": result.scheme,
                        "layer": key[0],
                        "owner": key[1],
                        "tensor": key[2],
                        "memory": memory,
                        "words": words,
                        "bytes": words * result.hardware.word_bits // 8,
                    }


def energy_cells(energy: CaseEnergy, quanta: Counter[Access]) -> dict[str, float]:
    """Return the cells ``energy_<level>`` and ``energy_total``."""
    sums = dict.fromkeys(LEVELS, 0)
    for (level, _, _), value in quanta.items():
        sums[level] += value
    cells = {f"energy_{level}": energy.prices.energy(value) for level, value in sums.items()}
    return {**cells, "energy_total": energy.prices.energy(sum(sums.values()))}


def _whose(case: PricedCase, number: int, image: int) -> dict[str, str | int]:
    phase = case.result.ledger.phases[number]
    return {
        "batch": phase.batch,
        "phase": number,
        "image": SHARED if image == SHARED_IMAGE else image,
        "task": case.tasks.task(phase.batch, image),
        "layer": phase.layer,
    }


def _stalls(stalls: Counter[str]) -> dict[str, int]:
    return {column: stalls[name] for column, name in zip(_STALL_COLUMNS, STALLS, strict=True)}


def _sparsity(found: int, elements: int) -> float | None:
    """Return the share of zeros; nothing where there is nothing to count."""
    return (elements - found) / elements if elements else None


def _access_order(access: Access) -> tuple[int, str, str]:
    return LEVELS.index(access[0]), *access[1:]
