"""Hypothesis strategies: masks, batches, accelerators and schedules that exercise every rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from mimesim.config.hardware import (
    ActivationBlock,
    Caches,
    Grid,
    Hardware,
    Noc,
    Scratchpad,
)
from mimesim.config.schedule import Schedule
from mimesim.network import Network, Node

from .cache import KINDS
from .drawn_dram import drams
from .drawn_envm import envms
from .drawn_networks import UNITS, networks, pair
from .geometry import channel_tiles, chunks, operations, position_tiles
from .interface import OracleCase, OracleImage
from .program import Program, build
from .storage import SHARED, Block, uses_unit

__all__ = ["Scenario", "cases", "hardwares", "networks", "scenarios", "schedules"]

#: Units of tasks that have nothing but what all have in common.
_ONE_EACH = (frozenset({"u1"}), frozenset({"u2"}), frozenset[str]())

#: More passes than this make an example slow without making it stranger.
MOST_PASSES = 250


@dataclass(frozen=True)
class Scenario:
    """The arguments of ``simulate``, in order."""

    network: Network
    batches: tuple[tuple[OracleImage, ...], ...]
    tasks: tuple[str, ...]
    hardware: Hardware
    schedule: Schedule
    case: OracleCase


#: Patches that pooling by 2 or 4 can be fused with are drawn more often than chance would.
_POSITIONS = st.one_of(pair(1, 4), st.sampled_from([(2, 2), (2, 4), (4, 4), (4, 4)]))


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    return Schedule(
        batch_order=draw(st.sampled_from(["layer_major", "image_major"])),
        tile_order=draw(st.sampled_from(["channel_outer", "position_outer"])),
        set_order=draw(st.sampled_from(["inner", "outer"])),
        position_tiles_per_pe=draw(st.integers(1, 3)),
        barrier=draw(st.sampled_from(["pass", "tile"])),
    )


@st.composite
def hardwares(draw: st.DrawFn, tiles_per_pe: int = 1) -> Hardware:
    """Draw an accelerator whose caches are large; *tiles_per_pe* is what the scratchpad has to hold."""
    word_bits = draw(st.sampled_from([8, 16, 32]))
    bank, fifo = draw(st.integers(1, 80)), draw(st.integers(0, 24))
    psum_words, psum_banks = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    groups = draw(st.integers(1, 3))
    words = 2 * bank + fifo + groups * (tiles_per_pe * psum_banks * psum_words + 1) + draw(st.integers(0, 2))
    rates = st.integers(1, 24)
    noc = Noc(
        weight_words_per_cycle=draw(rates),
        activation_words_per_cycle=draw(rates),
        threshold_words_per_cycle=draw(rates),
        fill_words_per_cycle=draw(rates),
        output_words_per_cycle=draw(rates),
        latency_cycles=draw(st.integers(0, 2)),
    )
    return Hardware(
        clock_mhz=draw(st.integers(200, 2000)) / 4,
        word_bits=word_bits,
        grid=Grid(positions=draw(_POSITIONS), channels=draw(st.integers(1, 8))),
        scratchpad=Scratchpad(
            bytes=words * word_bits // 8,
            weight_bank_words=bank,
            activation_fifo_words=fifo,
            psum_words=psum_words,
            psum_banks=psum_banks,
        ),
        caches=Caches(
            organisation=draw(st.sampled_from(["private", "unified"])),
            policy=draw(st.sampled_from(["lru", "pin"])),
            write_policy=draw(st.sampled_from(["write_around", "write_back"])),
            lookup_cycles=draw(st.integers(1, 3)),
            **_draw_banks(draw, noc),
            weights_kib=1024,
            activations_kib=1024,
            thresholds_kib=1024,
            unified_kib=4096,
        ),
        activation_block=ActivationBlock(patch=draw(pair(1, 4)), channels=draw(st.integers(1, 8))),
        noc=noc,
        dram=draw(drams()),
        envm=draw(envms()),
        prefetch_passes=draw(st.integers(1, 8)),
        compare_cycles=draw(st.integers(1, 3)),
        writeback_buffers=draw(st.integers(1, 3)),
    )


def _draw_banks(draw: st.DrawFn, noc: Noc) -> dict[str, Any]:
    """Draw banks that carry each stream alone, and hardly more."""
    if draw(st.booleans()):
        return {}
    words = draw(st.one_of(st.integers(1, 24), st.just(24)))
    widest = max(value for name, value in noc.model_dump().items() if name != "latency_cycles")
    banks = -(-widest // words) + draw(st.sampled_from([0, 0, 0, 1, 2]))
    return {"banks": banks, "bank_words": words, "ports": draw(st.sampled_from([1, 2]))}


def _mask(draw: st.DrawFn, shape: tuple[int, ...]) -> np.ndarray:
    density = draw(st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]))
    generator = np.random.default_rng(draw(st.integers(0, 2**16)))
    return generator.random(shape) < density


@st.composite
def cases(draw: st.DrawFn, network: Network, tasks: tuple[str, ...]) -> OracleCase:
    shared = draw(st.booleans())
    own = frozenset(node.name for node in network.weight_layers if shared and draw(st.integers(0, 3)) == 0)
    pruned, storage = draw(st.booleans()), draw(st.sampled_from(["dense", "dense", "bitmap"]))
    layers = [node.name for node in network.weight_layers]
    views = frozenset(name for name in layers if storage == "dense" and draw(st.integers(0, 2)) == 0)
    masks = {
        (owner, node.name): _mask(draw, network.weight_shape(node))
        for node in network.weight_layers
        for owner in ((SHARED,) if shared and node.name not in own | views else tasks)
        if pruned
    }
    branches = [(node.name, branch.name) for node in network.nodes for branch in node.branches]
    units = {task: frozenset(draw(st.sets(st.sampled_from(UNITS)))) for task in tasks if draw(st.integers(0, 3))}
    on_chip = draw(st.integers(0, 2)) == 0
    parts = [*branches, *((name, "") for name in layers)]
    if any(node.unit for node in network.nodes) and draw(st.booleans()):
        # Tasks that share what is of no unit, and may be asked for together.
        everybody = {node.name for node in network.nodes if node.unit is None}
        names = {(node.name, branch.name) for node in network.nodes for branch in node.branches}
        return OracleCase(
            draw(st.sampled_from(["none", "gate", "per_position", "lockstep"])),
            weights_shared=True,
            thresholds=None,
            own_layers=frozenset(layers) - everybody,
            shared_branches=frozenset(name for name in names if name[0] in everybody),
            task_norm=frozenset(name for name in layers if name not in everybody and draw(st.booleans())),
            units={task: used for task, used in zip(tasks, _ONE_EACH, strict=False) if _runs_any(network, used)},
        )
    return OracleCase(
        task_norm=frozenset(node.name for node in network.weight_layers if draw(st.integers(0, 2)) == 0),
        shared_branches=frozenset(name for name in branches if draw(st.booleans())),
        # A task that runs nothing is an error.
        units={task: used for task, used in units.items() if _runs_any(network, used)},
        skipping=draw(st.sampled_from(["none", "gate", "per_position", "lockstep"])),
        weights_shared=shared,
        own_layers=own,
        thresholds=draw(st.sampled_from([None, "neuron", "channel"])),
        storage=storage,
        views=views,
        masks=frozenset(name for name in views if draw(st.booleans())),
        envm=frozenset(part for part in parts if on_chip and draw(st.booleans())),
        index_bits=draw(st.sampled_from([0, 0, 0, 1, 3])),
        weight_masks=masks if pruned else None,
    )


def _image(draw: st.DrawFn, network: Network, case: OracleCase, task: str) -> OracleImage:
    nodes = [network.node(name) for name in network.recorded]
    masks = {node.name: _mask(draw, node.shape) for node in nodes if uses_unit(case, task, node.unit)}
    return OracleImage(task, masks)


def _requests(network: Network, case: OracleCase, tasks: tuple[str, ...]) -> list[str]:
    """Return the pairs of tasks that may be one request."""

    def same(node: Node, task: str, other: str) -> bool:
        if not (uses_unit(case, task, node.unit) and uses_unit(case, other, node.unit)):
            return True
        if case.thresholds is not None and node.activation:
            return False
        named = node.name in case.views | case.task_norm | case.own_layers
        shared = case.weights_shared and all((node.name, b.name) in case.shared_branches for b in node.branches)
        return not node.has_weights or (shared and not named)

    pairs = [(task, other) for task in tasks for other in tasks if task != other]
    return ["+".join(pair) for pair in pairs if all(same(node, *pair) for node in network.layers)]


def _runs_any(network: Network, units: frozenset[str]) -> bool:
    return any(node.unit is None or node.unit in units for node in network.layers)


@st.composite
def scenarios(draw: st.DrawFn, most_layers: int = 3, channels: int = 20, size: int = 10) -> Scenario:
    """Draw a whole run; its caches hold what one pass needs and little more."""
    network = draw(networks(most_layers, channels, size))
    tasks = tuple(f"task{index}" for index in range(draw(st.integers(1, 3))))
    case = draw(cases(network, tasks))
    among = [*tasks, *_requests(network, case, tasks)]
    batches = tuple(
        tuple(_image(draw, network, case, draw(st.sampled_from(among))) for _ in range(draw(st.integers(1, 3))))
        for _ in range(draw(st.integers(1, 2)))
    )
    schedule = draw(schedules())
    hardware = draw(hardwares(schedule.position_tiles_per_pe))
    caches = hardware.caches
    if caches.organisation == "unified" and caches.banks is not None:
        # There are three times as many, for all streams at once.
        hardware = _with_caches(hardware, {"banks": -(-caches.banks // draw(st.integers(1, 3)))})
    if schedule.barrier == "tile":
        hardware = _with_caches(hardware, {"banks": None, "ports": 2})
    hardware = _enlarge(hardware, network, sum(len(batch) for batch in batches))
    program = build(network, batches, tasks, hardware, schedule, case)
    assume(len(program.passes) <= 2 * MOST_PASSES)
    return Scenario(network, batches, tasks, _shrink_caches(draw, hardware, program), schedule, case)


def _enlarge(hardware: Hardware, network: Network, images: int) -> Hardware:
    """Return *hardware* with larger scratchpads, then with a larger grid, where a run would take too many passes."""
    for bank, positions, channels in ((40, (1, 1), 1), (80, (3, 2), 4), (160, (4, 4), 8)):
        if _most_passes(hardware, network, images) <= MOST_PASSES:
            break
        pad, grid = hardware.scratchpad, hardware.grid
        more = max(0, bank - pad.weight_bank_words)
        sides = (max(grid.positions[0], positions[0]), max(grid.positions[1], positions[1]))
        larger = {
            "bytes": pad.bytes + 2 * more * hardware.word_bits // 8,
            "weight_bank_words": pad.weight_bank_words + more,
        }
        hardware = hardware.model_copy(
            update={
                "scratchpad": pad.model_copy(update=larger),
                "grid": Grid(positions=sides, channels=max(grid.channels, channels)),
            }
        )
    assume(_most_passes(hardware, network, images) <= 4 * MOST_PASSES)
    return hardware


def _most_passes(hardware: Hardware, network: Network, images: int) -> int:
    """Return how many passes there are if no images share any."""
    return images * sum(
        len(position_tiles(operation, hardware)) * len(chunks(operation, tile, hardware))
        for operation in operations(network, hardware)
        for tile in channel_tiles(operation, hardware)
    )


def _shrink_caches(draw: st.DrawFn, hardware: Hardware, program: Program) -> Hardware:
    """Return *hardware* with caches that hold what the most demanding pass needs, and a few bursts more."""

    used = [_bursts_by_kind(program, index) for index in range(len(program.passes))]

    def kib(kinds: tuple[str, ...]) -> float:
        spare = draw(st.one_of(st.integers(0, 8), st.integers(0, 200)))
        bursts = max(sum(one[kind] for kind in kinds) for one in used) + spare
        return max(1, bursts) * hardware.burst_words * hardware.word_bits / 8 / 1024

    if hardware.caches.organisation == "unified":
        caches = {"unified_kib": kib(KINDS)}
    else:
        caches = {f"{kind}_kib": kib((kind,)) for kind in KINDS}
    return _with_caches(hardware, caches)


def _with_caches(hardware: Hardware, changes: dict[str, Any]) -> Hardware:
    return hardware.model_copy(update={"caches": hardware.caches.model_copy(update=changes)})


def _bursts_by_kind(program: Program, index: int) -> dict[str, int]:
    made = program.passes[index]
    blocks: list[Block] = [*made.activation_blocks, *made.threshold_blocks]
    blocks += [block for block in (made.weight_block, made.mask_block) if block is not None]
    if made.job is not None:
        job = program.jobs[made.job]
        blocks += [block for block in job.writes if block.key[2] in job.cached]
    used = dict.fromkeys(KINDS, 0)
    for block in blocks:
        if block.kind in used:
            used[block.kind] += block.slot_bursts
    return used
