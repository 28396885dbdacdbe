"""The pieces of the oracle on their own, against values worked out by hand."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings

from mimesim.network import Network, Node

from .bench import bench
from .cache import Directory, Entry
from .dram import Device
from .geometry import block_extent, channel_tiles, chunks, image_groups, largest_portion, operations, position_tiles
from .program import build
from .storage import Block
from .strategies import Scenario, scenarios


def block(address: int, bursts: int = 1) -> Block:
    return Block("weights", (address,), {}, bursts, bursts, address=address)


TIMING = {
    "t_rcd": 3,
    "t_rp": 4,
    "t_cl": 5,
    "t_cwl": 2,
    "t_ras": 10,
    "t_rtp": 2,
    "t_wr": 6,
    "t_wtr_s": 3,
    "t_wtr_l": 3,
    "t_rtw": 1,
}


def device(**timing: int) -> Device:
    return Device(bench(timing=TIMING | timing, dram={"row_bursts": 4, "banks": 2, "transfers": 4}))


def test_rows_and_banks() -> None:
    dram = device()
    # Addresses 2..5: two bursts in bank 0, two in bank 1, granted in clock 10.
    # Bank 0: activate 10, columns 13 and 15, data 18..22. Bank 1: activate 10, column max(13, 22 - 5) = 17: 22..26.
    runs = list(dram.runs([block(2, 4)]))
    assert [[(place.bank, place.row) for place in run] for run in runs] == [[(0, 0)] * 2, [(1, 0)] * 2]
    assert dram.serve([block(2, 4)], write=False, grant_cycle=10) == 26
    # Address 8: bank 0, row 1: precharge at max(20, 10 + 10, 15 + 2) = 20, activate 24, column 27, data 32..34.
    assert dram.serve([block(8)], write=False, grant_cycle=20) == 34
    # Blocks side by side in one row are two runs; the row is open: columns 30 and 32, data 35..37 and 37..39.
    assert len(list(dram.runs([block(9), block(10)]))) == 2
    assert dram.serve([block(9), block(10)], write=False, grant_cycle=30) == 39


def test_turning_the_bus_around() -> None:
    dram = device()
    # Write: activate 0, column 3, data 5..7. Read: column at least 7 + 3 = 10, data 15..17.
    assert dram.serve([block(0)], write=True, grant_cycle=0) == 7
    assert dram.serve([block(1)], write=False, grant_cycle=0) == 17
    # Write: data at least 17 + 1 = 18: column 16, data 18..20. Precharge after max(0 + 10, 20 + 6) = 26.
    assert dram.serve([block(2)], write=True, grant_cycle=0) == 20
    # Row 1 of bank 0: precharge 26, activate 30, column max(33, 20 + 3), data 38..40.
    assert dram.serve([block(8)], write=False, grant_cycle=0) == 40


def test_refresh_waits_for_the_run_and_closes_rows() -> None:
    dram = device(t_refi=26, t_rfc=20)
    # Granted in 16: activate 16, columns 19, 21: data 24..28. Then the refresh due at 26 has its turn before the next
    # run: precharge at max(26, 16 + 10, 21 + 2) = 26, refresh 30; no activation until 50. Bank 1: activate 50, column
    # 53, data 58..60.
    assert dram.serve([block(2, 3)], write=False, grant_cycle=16) == 60
    # By 80 the refreshes due at 52 and 78 come first: precharge at max(52, 50 + 10) = 60, refresh at 64; the other when
    # that one is over, at 84, with nothing to precharge. Activate 104, column 107, data 112..114.
    assert dram.serve([block(0)], write=False, grant_cycle=80) == 114


def test_clocks_and_cycles() -> None:
    dram = device(clock_mhz=300)
    # 300 MHz to 200 MHz: 3 clocks in 2 cycles, both ways rounded up.
    assert [dram.clock_of(cycle) for cycle in range(5)] == [0, 2, 3, 5, 6]
    assert [dram.cycle_of(clock) for clock in range(7)] == [0, 1, 2, 2, 3, 4, 4]


def insert(cache: Directory, address: int, scope: int = 0, bursts: int = 1) -> list[int]:
    def ended(entry: Entry) -> bool:
        return entry.scope != (scope,)

    return [victim.block.address for victim in cache.insert(Entry(block(address, bursts), (scope,), 0), ended)[1]]


def test_least_recently_used_goes_first() -> None:
    cache = Directory(3 * 16, "lru", 16)
    assert [insert(cache, address) for address in (1, 2, 3)] == [[], [], []]
    found = cache.find(block(1))
    assert found is not None
    cache.touch(found, (0,))
    assert insert(cache, 4, bursts=2) == [2, 3]
    assert [entry.block.address for entry in cache.entries] == [1, 4]


def test_pinned_blocks_stay_until_their_scope_ends() -> None:
    cache = Directory(3 * 16, "pin", 16)
    assert insert(cache, 1, scope=0) == insert(cache, 2, scope=1) == insert(cache, 3, scope=1) == []
    # Only block 1 may go: not enough for two bursts, so nothing is evicted and the new block is not kept.
    assert insert(cache, 4, scope=1, bursts=2) == []
    assert [entry.block.address for entry in cache.entries] == [1, 2, 3]
    assert insert(cache, 5, scope=1) == [1]
    assert insert(cache, 6, scope=2, bursts=2) == [2, 3]


def small_network() -> Network:
    return Network(
        name="small",
        nodes=(
            Node(name="image", kind="input", shape=(5, 5, 6)),
            Node(name="conv", kind="conv", inputs=("image",), shape=(4, 5, 6), activation=True),
            Node(name="pool", kind="max_pool", inputs=("conv",), shape=(4, 2, 3), kernel=(2, 2), stride=(2, 2)),
            Node(name="deep", kind="conv", inputs=("pool",), shape=(4, 2, 3), groups=2, kernel=(3, 3), padding=(1, 1)),
            Node(name="add", kind="add", inputs=("pool", "deep"), shape=(4, 2, 3)),
        ),
    )


def test_operations_and_fusion() -> None:
    fused = operations(small_network(), bench(positions=(2, 2)))
    assert [(op.name, op.output, op.fused, op.groups) for op in fused] == [
        ("conv", "pool", 2, 1),
        ("deep", "deep", 1, 2),
        ("add", "add", 1, 4),
    ]
    # A patch of 1 x 2 positions would cut the windows.
    assert [op.name for op in operations(small_network(), bench(positions=(1, 2)))] == ["conv", "pool", "deep", "add"]


def test_tiles_follow_output_blocks() -> None:
    hardware = bench(positions=(2, 2), patch=(2, 1))
    conv = operations(small_network(), hardware)[0]
    # 5 x 6 outputs in tiles of 2 x 2, pooled to 2 x 3 in blocks of 2 x 1: one block for each column of tiles. The last
    # row of tiles (y = 4) has no output after pooling and is clipped into the last block row.
    assert [tile.positions[0] for tile in position_tiles(conv, hardware)] == [
        (y, x) for x in (0, 2, 4) for y in (0, 2, 4)
    ]


def test_chunks() -> None:
    hardware = bench(channels=3, bank=21, block_channels=2)
    conv, _, deep, add = operations(small_network(), hardware)
    # One tap: 21 channels rounded down to 20 hold all 5. Three columns, then one.
    assert channel_tiles(conv, hardware) == [(0, 1, 2), (3,)]
    assert [chunk.channels for chunk in chunks(conv, (0, 1, 2), hardware)] == [(0, 1, 2, 3, 4)]
    # Nine taps: 2 channels a chunk. Columns 0..2 reach into both groups of 2, column 3 into the second.
    assert [chunk.channels for chunk in chunks(deep, (0, 1, 2), hardware)] == [(0, 1), (2, 3)]
    assert [chunk.channels for chunk in chunks(deep, (3,), hardware)] == [(2, 3)]
    # An addition takes the same channels of one source after the other.
    assert [(c.source.tensor, c.channels) for c in chunks(add, (3,), hardware)] == [("pool", (3,)), ("deep", (3,))]
    # A bank of 4 words: one channel, its 9 taps in pieces of 4, 4 and 1.
    pieces = chunks(deep, (3,), bench(channels=3, bank=4))
    assert [(c.channels, len(c.taps)) for c in pieces] == [((k,), n) for k in (2, 3) for n in (4, 4, 1)]
    assert pieces[1].taps == ((1, 1), (1, 2), (2, 0), (2, 1))


def test_groups_and_portions() -> None:
    hardware = bench(positions=(4, 4))
    deep = operations(small_network(), hardware)[1]
    # 2 x 3 positions of 16 rows: two images share a pass.
    assert image_groups(deep, [0, 3, 4], hardware) == [(0, 3), (4,)]
    # 256 words - 2 x 1 - 24 = 230; a group takes 2 tiles x 2 banks x 2 words + 1 = 9: 25 groups in 225.
    assert largest_portion(hardware, 2) == 25


@settings(max_examples=50, deadline=None)
@given(scenarios())
def test_blocks_are_written_once_and_only_when_all_their_outputs_were_drained(scenario: Scenario) -> None:
    program = build(
        scenario.network, scenario.batches, scenario.tasks, scenario.hardware, scenario.schedule, scenario.case
    )
    storage, hardware = program.storage, scenario.hardware
    missing: dict[tuple[object, ...], int] = {}
    for operation in operations(scenario.network, hardware):
        depth, height, width = block_extent(operation.output_shape, hardware)
        for number in range(len(storage.images)):
            if not storage.has(number, operation.output):
                continue
            for c, y, x in np.ndindex(operation.output_shape):
                key = storage.activations(operation.output, number, (c // depth, y // height, x // width)).key
                missing[key] = missing.get(key, 0) + 1
    for job in program.jobs:
        operation = job.cause.operation
        depth, height, width = block_extent(operation.output_shape, hardware)
        for number in job.cause.group:
            for y, x in job.cause.position_tile.positions:
                # The last position of a pooling window stands for its output.
                out_y, out_x = (y + 1) // operation.fused - 1, (x + 1) // operation.fused - 1
                if (y + 1) % operation.fused or (x + 1) % operation.fused:
                    continue
                for c in job.cause.tile:
                    index = (c // depth, out_y // height, out_x // width)
                    missing[storage.activations(operation.output, number, index).key] -= 1
        for ended in job.writes:
            # Popped: a block that is written twice fails here.
            assert missing.pop(ended.key) == 0
    assert missing == {}
