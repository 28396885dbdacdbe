"""One row per case: totals, ratios to the first case, spread over the images (columns: ``docs/results.md``)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, get_args

from mimesim.bounds import main_bound
from mimesim.config.energy import Accounting, Energy
from mimesim.energy import LEVELS, CaseEnergy, PriceList
from mimesim.ledger import STALLS
from mimesim.results.csv_file import Cell, Row, as_number
from mimesim.results.envm import ENVM_SUMS, envm_sums
from mimesim.results.evictions import EVICTION_SUMS, eviction_sums
from mimesim.results.tables import PE_PARTS, PricedCase, image_rows

if TYPE_CHECKING:
    from mimesim.simulation import CaseResult

__all__ = ["GAINS", "SUMMARY", "summary_rows"]

_READ = ("weights", "index", "norm", "thresholds", "activations", "mask")
_STORED = ("weights", "index", "norm", "thresholds")
_DRAM_COLUMNS = (
    *(f"dram_words_{tensor}" for tensor in _READ),
    *("dram_words_outputs", "dram_words_outputs_mask", "dram_words_read", "dram_words_written", "dram_words"),
    *("dram_bursts", "dram_bytes"),
)
_SPREAD = ("cycles", "macs", "energy")
GAINS = ("speedup", "energy_gain", "energy_gain_paper", "energy_gain_full", "storage_gain")

SUMMARY = (
    *("mode", "case", "scheme", "skipping", "images", "batches", "phases", "passes"),
    *("cycles", "images_per_second", "busy_cycles", *(f"stall_{name}_cycles" for name in STALLS)),
    *("bound", "bound_cycles", "overlap"),
    "cache_conflict_cycles",
    *("macs", "macs_dense", "input_sparsity", "output_sparsity"),
    *("pes", "pe_utilisation", *(f"pe_{part}" for part in PE_PARTS), "pe_stalled"),
    *("accounting", "energy_unit", *(f"energy_{level}" for level in LEVELS), "energy_total"),
    *("energy_total_paper", "energy_total_full"),
    *_DRAM_COLUMNS,
    *EVICTION_SUMS,
    *(f"bytes_stored_{tensor}" for tensor in _STORED),
    "bytes_stored",
    *ENVM_SUMS,
    *(f"{name}_per_image_{end}" for name in _SPREAD for end in ("min", "max")),
    *GAINS,
)


def summary_rows(results: Sequence[CaseResult], energy: Energy) -> list[Row]:
    """Return one row per case; gains compare it with the first: larger is better for this case."""
    rows = [_row(result, energy) for result in results]
    gains: list[Row] = []
    for row in rows:
        first = rows[0]
        gains.append(
            {
                **row,
                "speedup": _ratio(first["cycles"], row["cycles"]),
                "energy_gain": _ratio(first["energy_total"], row["energy_total"]),
                "energy_gain_paper": _ratio(first["energy_total_paper"], row["energy_total_paper"]),
                "energy_gain_full": _ratio(first["energy_total_full"], row["energy_total_full"]),
                "storage_gain": _ratio(first["bytes_stored"], row["bytes_stored"]),
            }
        )
    return gains


def _row(result: CaseResult, energy: Energy) -> dict[str, Cell]:
    totals = {}
    for accounting in get_args(Accounting):
        prices = PriceList(energy.prices, accounting, result.hardware, energy.dram)
        totals[accounting] = CaseEnergy(result.ledger, prices).total()
    priced = PricedCase.of(result, PriceList(energy.prices, energy.accounting, result.hardware, energy.dram))
    by_level = priced.energy.by_level()
    return {
        **priced.head(),
        "skipping": result.skipping,
        "images": len(result.images),
        "batches": len({image.batch for image in result.images}),
        "phases": len(result.ledger.phases),
        "passes": result.ledger.passes,
        **_time(result),
        **_work(result),
        "accounting": energy.accounting,
        "energy_unit": energy.prices.unit,
        **{f"energy_{level}": by_level[level] for level in LEVELS},
        "energy_total": priced.energy.total(),
        "energy_total_paper": totals["paper"],
        "energy_total_full": totals["full"],
        **_traffic(result),
        **eviction_sums(result.ledger),
        **_storage(result),
        **envm_sums(result),
        **_spread(priced),
    }


def _time(result: CaseResult) -> dict[str, Cell]:
    cycles = result.ledger.cycles
    stalls: Counter[str] = Counter()
    busy = 0
    for phase in result.ledger.phases:
        for row in phase.rows.values():
            stalls.update(row.stalls)
            busy += row.busy_cycles
    bound, best = main_bound(result.ledger.phases, result.hardware)
    return {
        "cycles": cycles,
        "images_per_second": len(result.images) * result.hardware.clock_mhz * 1e6 / cycles if cycles else None,
        "busy_cycles": busy,
        **{f"stall_{name}_cycles": stalls[name] for name in STALLS},
        "bound": bound,
        "bound_cycles": best,
        "overlap": best / cycles if cycles else None,
        "cache_conflict_cycles": result.ledger.conflicts.total(),
        "pes": result.hardware.grid.pes,
        "pe_stalled": result.hardware.grid.pes * stalls.total(),
    }


def _work(result: CaseResult) -> dict[str, Cell]:
    rows = [row for phase in result.ledger.phases for row in phase.rows.values()]
    cycles = result.ledger.cycles
    parts = {part: sum(getattr(phase.pe, part) for phase in result.ledger.phases) for part in PE_PARTS}
    inputs, outputs = sum(row.input_elements for row in rows), sum(row.output_elements for row in rows)
    return {
        "macs": sum(row.macs for row in rows),
        "macs_dense": sum(row.macs_dense for row in rows),
        "input_sparsity": (inputs - sum(row.input_set for row in rows)) / inputs if inputs else None,
        "output_sparsity": (outputs - sum(row.output_set for row in rows)) / outputs if outputs else None,
        "pe_utilisation": parts["macs"] / (result.hardware.grid.pes * cycles) if cycles else None,
        **{f"pe_{part}": count for part, count in parts.items()},
    }


def _traffic(result: CaseResult) -> dict[str, Cell]:
    words, bursts = result.ledger.words(), sum(result.ledger.bursts().values())
    # Tensors that a later scheme adds are in the totals without a column of their own.
    read = sum(count for (level, _, way), count in words.items() if (level, way) == ("dram", "read"))
    written = sum(count for (level, _, way), count in words.items() if (level, way) == ("dram", "write"))
    return {
        **{f"dram_words_{tensor}": words["dram", tensor, "read"] for tensor in _READ},
        "dram_words_outputs": words["dram", "outputs", "write"],
        "dram_words_outputs_mask": words["dram", "mask", "write"],
        "dram_words_read": read,
        "dram_words_written": written,
        "dram_words": read + written,
        "dram_bursts": bursts,
        "dram_bytes": bursts * result.hardware.dram.organisation.burst_bytes,
    }


def _storage(result: CaseResult) -> dict[str, Cell]:
    stored: Counter[str] = Counter()
    for (_, _, tensor), words in result.ledger.stored_words.items():
        stored[tensor] += words
    bits = result.hardware.word_bits
    return {
        **{f"bytes_stored_{tensor}": stored[tensor] * bits // 8 for tensor in _STORED},
        "bytes_stored": stored.total() * bits // 8,
    }


def _spread(case: PricedCase) -> dict[str, Cell]:
    """Return the least and the most that any image alone caused."""
    rows = list(image_rows([case]))
    cells: dict[str, Cell] = {}
    for name in _SPREAD:
        values = [as_number(row["energy_total" if name == "energy" else name]) for row in rows]
        cells[f"{name}_per_image_min"] = min(values, default=None)
        cells[f"{name}_per_image_max"] = max(values, default=None)
    return cells


def _ratio(first: Cell, this: Cell) -> float | None:
    return as_number(first) / as_number(this) if as_number(this) else None
