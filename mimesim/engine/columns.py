"""What stands in which column of the tables that the kernels work on."""

from __future__ import annotations

#: Stands for no block, no row, no kind, no fill, no drain job.
NOWHERE = -1
#: Stands for the place of a block that lies in non-volatile memory for good.
FOR_GOOD = -2

#: Of a block: what a transfer moves, the words that a cache reserves, and the useful words, where *extra* are bitmap,
#: mask or index; of weights, what reaches the scratchpads; its place in non-volatile memory, NOWHERE if it has none.
ADDRESS, BURSTS, SIZE, VALUES, EXTRA, NORM, FILLED, KEPT = range(8)
FACTS = 8
#: Of a block: its neighbours by last use, the kind it has in a cache (or NOWHERE), its last user, its scope, what it
#: was used for last, whether it is dirty, and the row of its latest eviction, unless it has been fetched again since.
AFTER, BEFORE, INSIDE, USER, SCOPE, LABEL, DIRTY, GONE = range(8)
LINES = 8
#: Of a row of evictions: tasks of the pass before and of the pass, labels of who evicts and of the victim; counts.
FROM, TO, BY, VICTIM, BLOCKS, LOST, AGAIN = range(7)
EVICTION = 7
#: Of a pass: position tile x chunks + chunk, its group, its fill, its scope, the drain job that may run after it, the
#: accumulation that it is the first pass of; its cycles, those of the activation network, and PEs that hold an output.
WINDOW, GROUP, FILL, PASS_SCOPE, JOB, ACCUMULATION, CYCLES, FEED, MAPPED = range(9)
PASS = 9
#: Of a drain job: the pass that it follows, whose it is, where, and its cycles.
JOB_AFTER, JOB_GROUP, JOB_TILE, JOB_PLACE, JOB_CYCLES = range(5)
DRAIN = 5
#: Of a fill: its blocks, the slots that these are booked under, the last pass that uses it, its cycles.
FILL_BLOCK, FILL_MASK, FILL_SLOT, FILL_MASK_SLOT, FILL_LAST, FILL_CYCLES = range(6)
LOAD = 6
#: Of an accumulation: channel tile, first position tile and how many, first group and how many, scope.
TILE, PLACE, PLACES, FIRST_GROUP, GROUPS, ITERATION = range(6)
#: What grows while lookups are done: rows of evictions before this phase and by now, the tasks of the turn, how many
#: blocks are to be read, written, are allocated or written around, how many labels have come up; and the task of the
#: pass before the phase.
FIRST_ROW, ROWS, TURN_FROM, TURN_TO, READ, WRITTEN, PLACED, AROUND, RANKS, BEFORE_TASK = range(10)
SPOT = 10
#: Of the clocks between two phases: when the controller and the weight loader are free, when the phase before ended,
#: and of the first fill of the next: when it has ended and its data come, and when what its lookup evicted is written.
#: Then cycles that the parts worked, and of the latest phase the end of its last pass and the PE-cycles without an
#: output.
CONTROLLER_FREE, LOADER_FREE, PHASE_END, FILL_END, FILL_ARRIVED, FILL_WRITTEN = range(6)
STEPS_DONE, UNMAPPED, LAST_END = range(6, 9)
CLOCKS = 9
