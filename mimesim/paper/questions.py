"""What a reviewer asks first, and the replays that answer it.

The paper's batch is three images of three tasks on one machine, one schedule and one accounting. Here each of these is
changed, one at a time. Ratios are of sums over all convolutions; above 1 MIME is better. Systems are compared on the
same masks and in pipelined mode.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mimesim.energy import PriceList
from mimesim.paper import variants as v
from mimesim.paper.claims import EVEN_LAYERS, Masks
from mimesim.paper.lab import Lab
from mimesim.paper.measure import sums
from mimesim.paper.runs import RunResult, RunSpec, Variant

__all__ = ["BATCHES", "Answer", "answers", "needed"]

BATCHES = (1, 2, 4, 8, 16)
_BASELINES = (("case-1", "Case-1"), ("case-2", "Case-2"), ("pruned", "pruned"))
_NONE = Variant("")


@dataclass(frozen=True, slots=True)
class Answer:
    """One row of the second table."""

    question: str
    setting: str
    masks: Masks
    quantity: str
    value: float
    note: str


@dataclass(frozen=True)
class Comparison:
    """Two runs to be compared: *over* divided by *under*, both priced as *pricing* says."""

    question: str
    setting: str
    masks: Masks
    over_name: str
    over: RunSpec
    under_name: str
    under: RunSpec
    pricing: Variant = _NONE
    energy: bool = True
    cycles: bool = True
    note: str = ""


def needed(lab: Lab, kinds: Iterable[Masks]) -> list[RunSpec]:
    """Return every run that the answers take."""
    runs: list[RunSpec] = []
    for masks in kinds:
        runs += [run for pair in _comparisons(lab, masks) for run in (pair.over, pair.under)]
        runs += [run for found in _search(lab, masks).values() for run in found.values()]
    return runs


def answers(lab: Lab, kinds: Iterable[Masks]) -> list[Answer]:
    """Return the second table; question by question, drawn beside recorded masks."""
    rows: list[Answer] = []
    for masks in kinds:
        for pair in _comparisons(lab, masks):
            rows += _answer(lab, pair)
        rows += _best_schedules(lab, masks)
    order = list(dict.fromkeys(row.question for row in rows))
    return sorted(rows, key=lambda row: order.index(row.question))


def _comparisons(lab: Lab, masks: Masks) -> Iterator[Comparison]:
    for question in (_causes, _memory, _batches, _accounting, _compression, _prices, _pools, _grids):
        yield from question(lab, masks)


def _causes(lab: Lab, masks: Masks) -> Iterator[Comparison]:
    """Split the gain over Case-1 into its steps: skip zeros, share the weights, have fewer non-zeros."""
    case_1, case_2, mime = (lab.spec(f"{name}/pipelined", masks) for name in ("case-1", "case-2", "mime"))
    # MIME's parameters on the baseline's masks: shared weights and thresholds, but no activation less.
    sharing = lab.base("mime", "pipelined", masks, trace_of="conventional")
    question = "where the gain comes from"
    yield Comparison(question, "1: skip zero activations", masks, "Case-1", case_1, "Case-2", case_2)
    yield Comparison(question, "2: share the weights, load thresholds", masks, "Case-2", case_2, "shared", sharing)
    yield Comparison(question, "3: MIME's sparser masks", masks, "shared", sharing, "MIME", mime)
    yield Comparison(question, "all three", masks, "Case-1", case_1, "MIME", mime)


def _memory(lab: Lab, masks: Masks) -> Iterator[Comparison]:
    """Ask what is left of the throughput without DRAM, and without the network that brings weights to the PEs."""
    for memory in (Variant("real memory"), v.IDEAL_MEMORY, v.IDEAL_NETWORK):
        name = memory.name
        runs = {role: lab.spec(f"{role}/pipelined", masks, memory) for role in ("case-1", "case-2", "mime")}
        unskipped = lab.shared(lab.spec("mime/pipelined", masks, memory, v.UNSKIPPED))
        question = "memory and skipping"
        yield Comparison(
            question, f"{name}, skipping on", masks, "Case-2", runs["case-2"], "MIME", runs["mime"], energy=False
        )
        yield Comparison(
            question, f"{name}, skipping off", masks, "Case-1", runs["case-1"], "MIME", unskipped, energy=False
        )
        yield Comparison(
            question,
            f"{name}, skipping in MIME only",
            masks,
            "Case-1",
            runs["case-1"],
            "MIME",
            runs["mime"],
            energy=False,
        )


def _batches(lab: Lab, masks: Masks) -> Iterator[Comparison]:
    for size in BATCHES:
        if -(-size // len(lab.tasks)) > lab.images(masks):
            continue
        batch = Variant("", batch_images=size)
        mime = lab.spec("mime/pipelined", masks, batch)
        for role, name in _BASELINES[:2]:
            over = lab.spec(f"{role}/pipelined", masks, batch)
            yield Comparison("batch size", f"{size} image{'s' if size > 1 else ''}", masks, name, over, "MIME", mime)


def _accounting(lab: Lab, masks: Masks) -> Iterator[Comparison]:
    for pricing, name in ((_NONE, "paper"), (v.FULL, "full")):
        for mode in ("singular", "pipelined"):
            for role, title in _BASELINES[: 2 if mode == "singular" else 3]:
                yield _priced(lab, masks, "accounting", f"{name}, {mode}", role, title, mode, pricing)


def _compression(lab: Lab, masks: Masks) -> Iterator[Comparison]:
    mime = lab.spec("mime/pipelined", masks)
    for variant, name in ((_NONE, "stored dense"), (v.BITMAP, "stored as non-zeros and bitmap")):
        over = lab.spec("pruned/pipelined", masks, variant)
        yield Comparison("pruned weights", name, masks, "pruned", over, "MIME", mime)


def _prices(lab: Lab, masks: Masks) -> Iterator[Comparison]:
    for pricing, name in ((_NONE, "Table IV: DRAM 200 MACs a word (DDR3)"), (v.LPDDR4, "DRAM 64 MACs a word (LPDDR4)")):
        for role, title in _BASELINES:
            yield _priced(lab, masks, "DRAM energy", name, role, title, "pipelined", pricing)


def _priced(
    lab: Lab, masks: Masks, question: str, setting: str, role: str, title: str, mode: str, pricing: Variant
) -> Comparison:
    over, under = (lab.spec(f"{name}/{mode}", masks) for name in (role, "mime"))
    return Comparison(question, setting, masks, title, over, "MIME", under, pricing, cycles=False)


def _pools(lab: Lab, masks: Masks) -> Iterator[Comparison]:
    """Ask how much hangs on what the tables leave out: how dense a pool's output is, which the next layer reads."""
    if masks == "recorded":
        return
    for variant in (Variant("pooled bits are drawn at the table's density"), v.POOLED_BY_OR):
        for mode in ("singular", "pipelined"):
            mime = lab.spec(f"mime/{mode}", masks, variant)
            for role, title in _BASELINES[:2]:
                over = lab.spec(f"{role}/{mode}", masks, variant)
                setting = f"{variant.name}, {mode}"
                yield Comparison("density behind a pool", setting, masks, title, over, "MIME", mime, cycles=False)


def _grids(lab: Lab, masks: Masks) -> Iterator[Comparison]:
    if masks == "recorded":
        return
    default = Variant("256 PEs as 8 positions x 32 channels")
    for variant in (default, *v.SMALL_GRIDS, v.SQUARE_GRID):
        small, whole = (lab.spec(f"mime/pipelined{end}", masks, variant) for end in ("/pe-256", ""))
        yield Comparison("split of 256 PEs", variant.name, masks, "MIME, 256 PEs", small, "MIME, 1024 PEs", whole)


def _answer(lab: Lab, pair: Comparison) -> Iterator[Answer]:
    over, under = lab.result(pair.over), lab.result(pair.under)
    (energy, cycles), (less, fewer) = (sums(lab, result, pair.pricing) for result in (over, under))
    prices = lab.prices(pair.pricing.accounting, pair.pricing.prices)
    if pair.energy:
        ratios = _by_layer(prices, over, under, "energy")
        yield _row(pair, f"energy, {pair.over_name} / {pair.under_name}", energy / less, ratios)
    if pair.cycles:
        ratios = _by_layer(prices, over, under, "cycles")
        waits = "; ".join(_waiting(lab, *named) for named in ((pair.over_name, over), (pair.under_name, under)))
        quantity = f"throughput, {pair.under_name} / {pair.over_name}"
        yield _row(pair, quantity, cycles / fewer, f"{ratios}; {waits}")


def _row(pair: Comparison, quantity: str, value: float, note: str) -> Answer:
    return Answer(pair.question, pair.setting, pair.masks, quantity, value, note)


def _by_layer(prices: PriceList, over: RunResult, under: RunResult, metric: str) -> str:
    """Return the range over the paper's layers, and where its ends are."""
    ratios = {}
    for layer in EVEN_LAYERS:
        above, below = over.layers[layer], under.layers[layer]
        if metric == "cycles":
            ratios[layer] = above.cycles / below.cycles
        else:
            ratios[layer] = above.energy(prices)["total"] / below.energy(prices)["total"]
    low, high = min(ratios, key=ratios.__getitem__), max(ratios, key=ratios.__getitem__)
    return f"even layers {ratios[low]:.2f} ({low}) to {ratios[high]:.2f} ({high})"


def _waiting(lab: Lab, name: str, result: RunResult) -> str:
    """Say for what share of the convolutions' cycles the grid waited for DRAM and for weights on their network."""
    layers = [layer for layer_name, layer in result.layers.items() if lab.network.node(layer_name).kind == "conv"]
    cycles = sum(layer.cycles for layer in layers)
    dram, noc = (sum(layer.row.stalls[cause] for layer in layers) / cycles for cause in ("dram", "noc"))
    return f"{name} waits {dram:.0%} for DRAM, {noc:.0%} for the weight network"


def _search(lab: Lab, masks: Masks) -> dict[str, dict[str, RunSpec]]:
    """Return the runs of each system under every schedule that it may choose, by system and by schedule."""
    return {
        role: {
            candidate.name: lab.spec(f"{role}/pipelined", masks, candidate.variant)
            for candidate in v.candidates(lab.cases[role].scheme)
        }
        for role in ("case-1", "case-2", "pruned", "mime")
    }


def _best_schedules(lab: Lab, masks: Masks) -> Iterator[Answer]:
    """Compare systems that each run the whole network under the schedule that suits them best."""
    found = _search(lab, masks)
    for index, (goal, quantity) in enumerate((("energy", "energy, {} / MIME"), ("time", "throughput, MIME / {}"))):
        best: dict[str, tuple[float, str]] = {}
        for role, runs in found.items():
            best[role] = min((float(sums(lab, lab.result(spec))[index]), name) for name, spec in runs.items())
        mime, how = best["mime"]
        for role, name in _BASELINES:
            value, own = best[role]
            note = f"{name}: {own}; MIME: {how}"
            setting = f"each at its best for {goal}"
            yield Answer("best schedules", setting, masks, quantity.format(name), value / mime, note)
