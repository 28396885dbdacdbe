"""Why a claim is missed: the assumption that it hangs on, and what comes out when that is flipped.

The flips are the same for every claim of a kind and every kind of masks; none of them changes a value in the list of
claims. Each is an answer to "what would have to be different for the paper's number to come out?".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mimesim.paper import variants as v
from mimesim.paper.claims import Claim, Masks
from mimesim.paper.lab import Lab
from mimesim.paper.measure import specs, value
from mimesim.paper.runs import RunSpec, Variant

__all__ = ["Flip", "assumption", "flipped", "needed"]


@dataclass(frozen=True, slots=True)
class Rule:
    """An assumption, the claims that hang on it, and the flips that show it."""

    applies: Callable[[Claim], bool]
    assumption: str
    flips: tuple[Variant, ...] = ()


@dataclass(frozen=True, slots=True)
class Flip:
    """What a claim's value becomes under one flip."""

    name: str
    value: float
    holds: bool


def _is(figure: str, *layers: str, measure: str = "", text: str = "") -> Callable[[Claim], bool]:
    def applies(claim: Claim) -> bool:
        return (
            claim.figure == figure
            and (not layers or claim.layer in layers)
            and (not measure or claim.measure == measure)
            and text in claim.quantity
        )

    return applies


_GRIDS = (*v.SMALL_GRIDS, v.SQUARE_GRID)

#: The first rule that applies explains a miss.
RULES = (
    Rule(
        _is("Fig. 4"),
        "which layers the paper counts is open; the other scopes stand beside this one",
    ),
    Rule(
        _is("Fig. 5", measure="energy_dram"),
        "the windows of three images do not fit the activation cache, so activations are read again and again, and "
        "MIME's fewer non-zeros save more than its thresholds cost; read once, they do not",
        (v.BIG_ACTIVATION_CACHE, v.SMALL_IMAGES),
    ),
    Rule(
        _is("Fig. 5", text="Case-1"),
        "padding is no MAC in Case-1 (docs/machine.md, section 5), and small layers are mostly edge",
        (v.MULTIPLIED_PADDING, v.FULL, v.SQUARE_GRID),
    ),
    Rule(
        _is("Fig. 5"),
        "weights are read from DRAM once per 16 positions, whatever the masks, and dilute what sparsity saves",
        (v.EIGHT_TILES, v.SQUARE_GRID, v.BIG_CACHES, v.FULL),
    ),
    Rule(
        _is("Fig. 6", measure="later_saving"),
        "padding is no MAC in Case-1: counted, the later and smaller layers would save more",
        (v.MULTIPLIED_PADDING,),
    ),
    Rule(
        _is("Fig. 6"),
        "three sets of weights against one, re-read per 16 positions as 52 KB hold no channel tile of most layers",
        (v.EIGHT_TILES, v.BIG_CACHES, v.SQUARE_GRID, v.FULL),
    ),
    Rule(
        _is("Fig. 7"),
        "pipelined MIME waits for DRAM (windows re-read, thresholds); without DRAM each pass waits for its slowest "
        "position, and only perfect skipping reaches 1 / (1 - sparsity), which the paper's range is",
        (v.BIG_ACTIVATION_CACHE, v.CHANNEL_THRESHOLDS, v.IDEAL_MEMORY, v.DRIFT),
    ),
    Rule(
        lambda claim: claim.measure == "thresholds_per_weight",
        "thresholds grow with the image, weights do not: the remark holds from 56 to 96 pixels",
    ),
    Rule(
        _is("Fig. 8", "conv2", "conv4"),
        "a channel tile's weights (72 and 144 KB) do not fit 52 KB and are re-read per tile of positions, by three "
        "sets of pruned weights three times as often; MIME loses only where every set is read once",
        (v.BIG_CACHES_BY_SET, v.EIGHT_TILES, v.BIG_CACHES, v.FULL),
    ),
    Rule(
        _is("Fig. 8"),
        "three dense copies of the weights against one bound the ratio by 3, and MIME's own activations set it",
        (v.FULL, v.SQUARE_GRID, v.BITMAP),
    ),
    Rule(
        _is("Fig. 9", "conv2", "conv4", "conv5", text="256 PEs"),
        "half the positions read weights twice as often and half the channels activations twice as often; but a tile "
        "of 32 channels needs half the weight cache, and where it alone fits, weights are read once",
        (v.BIG_CACHES, *_GRIDS),
    ),
    Rule(
        _is("Fig. 9", text="256 PEs"),
        "half the positions read weights twice as often, half the channels activations twice as often: DRAM doubles",
        (*_GRIDS, v.EIGHT_TILES, v.BIG_ACTIVATION_CACHE),
    ),
    Rule(_is("Fig. 9"), "what just fits 156 KB may not fit 128 KB", (v.BIG_CACHES, v.FULL)),
    Rule(
        lambda claim: claim.measure in ("sparsity", "sparser_layers"),
        "sparsity is the training's: parent, data, rate and length of training the thresholds (manifest's settings)",
    ),
    Rule(
        lambda claim: claim.measure in ("accuracy", "accuracy_loss"),
        "the paper's parent is ImageNet's; ours is trained on what is at hand, for as long as the manifest says",
    ),
    Rule(lambda _: True, "accounting", (v.FULL,)),
)


def assumption(claim: Claim, *, only_recorded: bool = False) -> str:
    """Return what a claim hangs on; *only_recorded*: it is missed on recorded masks, and holds on drawn ones."""
    if only_recorded and claim.runs:
        return (
            "the masks: recorded ones have fewer zeros than Tables II and III, and behind a pool, whose bit is the OR "
            "of its window, far fewer; masks drawn at the tables' sparsities are in band"
        )
    return _rule(claim).assumption


def needed(lab: Lab, missed: Iterable[tuple[Claim, Masks]]) -> list[RunSpec]:
    """Return the runs that it takes to explain *missed* claims."""
    missed = list(missed)
    return [
        spec
        for claim, masks in missed
        for flip in _flips(claim, masks)
        for spec in specs(lab, claim, masks, flip, _cut(lab, masks, flip, missed))
    ]


def flipped(lab: Lab, claim: Claim, masks: Masks, missed: Iterable[tuple[Claim, Masks]]) -> list[Flip]:
    """Return what a *missed* claim becomes under each of its flips."""
    found = []
    for flip in _flips(claim, masks):
        outcome = value(lab, claim, masks, flip, _cut(lab, masks, flip, missed))
        if outcome is not None:
            found.append(Flip(flip.name, outcome, claim.holds(outcome)))
    return found


def _rule(claim: Claim) -> Rule:
    return next(rule for rule in RULES if rule.applies(claim))


def _flips(claim: Claim, masks: Masks) -> tuple[Variant, ...]:
    """Return the flips that can be run: recorded masks have one size only."""
    flips = _rule(claim).flips
    return flips if masks == "drawn" else tuple(flip for flip in flips if flip.pixels is None)


def _cut(lab: Lab, masks: Masks, flip: Variant, missed: Iterable[tuple[Claim, Masks]]) -> str:
    """Return the last layer that a flip must replay: one behind the last that a missed claim asks for.

    The one behind is there because its weights are fetched while the layer before it drains. Flips that change counts
    of no run share the runs that there are, which are whole; cycles depend on where all later regions lie in DRAM.
    """
    changes_counts = flip.hardware or flip.schedule or flip.options or flip.skipping or flip.small_grid or flip.pixels
    users = [other for other, kind in missed if kind == masks and flip in _flips(other, masks)]
    if not changes_counts or any(other.measure == "cycles" for other in users):
        return ""
    names = [node.name for node in lab.network.weight_layers]
    last = max(names.index(other.layer) if other.layer in names else len(names) for other in users)
    return names[last + 1] if last + 1 < len(names) else ""
