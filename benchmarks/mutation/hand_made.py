"""Twenty faults of the kind that people make: an off-by-one in a latency, a lost eviction, a double count."""

from __future__ import annotations

from benchmarks.mutation.fault import ROOT, Fault

__all__ = ["HAND_MADE"]

_CHANGES = (
    (
        "a pass does not swap its banks",
        "schedule/costs.py",
        "np.maximum(self.steps, self.feed) + 1",
        "np.maximum(self.steps, self.feed)",
    ),
    (
        "the NoC's latency is forgotten at a fill",
        "schedule/costs.py",
        "hardware.noc.weight_words_per_cycle), hardware.noc.latency_cycles",
        "hardware.noc.weight_words_per_cycle), 0",
    ),
    (
        "the last word of a drain is cut off",
        "schedule/costs.py",
        "ceil_div(out, noc.output_words_per_cycle)",
        "out // noc.output_words_per_cycle",
    ),
    (
        "an evicted block keeps its room",
        "machine/cache.py",
        "                used -= freed\n",
        "                used -= freed // 2\n",
    ),
    (
        "a dirty block that is evicted is lost",
        "machine/lookups.py",
        "self._dirty.append(book_evicted(run.phase.record, region, address))",
        "book_evicted(run.phase.record, region, address)",
    ),
    (
        "the fifth activation in t_faw is allowed",
        "machine/dram_bank.py",
        "window[0] + self._t_faw",
        "window[0] + self._t_faw - 1",
    ),
    (
        "a hit does not make a block recent",
        "machine/cache.py",
        "                touch(address)\n",
        "",
    ),
    (
        "pinned blocks are evicted although they do not make enough room",
        "machine/cache.py",
        "        if used > room:\n            return False\n",
        "",
    ),
    (
        "a step does not wait for the last pass that uses what it evicts",
        "machine/controller.py",
        "if passes_done.value <= victims[ACTIVATIONS]:",
        "if passes_done.value < victims[ACTIVATIONS]:",
    ),
    (
        "the controller runs one pass further ahead",
        "machine/controller.py",
        "if passes_done.value <= oldest + place:",
        "if passes_done.value < oldest + place:",
    ),
    (
        "a bank of weights is overwritten one pass too early",
        "machine/weight_loader.py",
        "released = [*released[1:], last]",
        "released = [*released[1:], last - 1]",
    ),
    (
        "a drain starts while its pass runs",
        "machine/comparators.py",
        "ended = run.first_pass + job.after + 1",
        "ended = run.first_pass + job.after",
    ),
    (
        "write-back has one buffer more",
        "machine/comparators.py",
        "deque(maxlen=hardware.writeback_buffers)",
        "deque(maxlen=hardware.writeback_buffers + 1)",
    ),
    (
        "a phase ends before its outputs are in DRAM",
        "machine/comparators.py",
        "            if self._writes:\n                yield from self._wait_for(self._writes[-1])\n",
        "",
    ),
    (
        "an accumulation does not wait for its bank of partial sums",
        "machine/pe_grid.py",
        "if stream.jobs_done.value < self._drained[0]:",
        "if stream.jobs_done.value < self._drained[0] - 1:",
    ),
    (
        "rows that hold nothing do not swap (barrier: tile)",
        "machine/pe_grid.py",
        "max(free, ready) + cycles + 1 for free",
        "max(free, ready) + cycles + (cycles > 0) for free",
    ),
    (
        "clocks of DRAM are rounded down",
        "machine/dram.py",
        "clock = -(-grant * self._clocks // self._cycles)",
        "clock = grant * self._clocks // self._cycles",
    ),
    (
        "a fill port is free at once",
        "machine/dram.py",
        "self._port_free[port] = cycle",
        "self._port_free[port] = grant",
    ),
    (
        "the thresholds of a task are counted for each image of a group",
        "schedule/booking.py",
        'row.book("reg", "thresholds", "write", words)',
        'row.book("reg", "thresholds", "write", 2 * words)',
    ),
    (
        "the halo of a window is left out on one side",
        "schedule/windows.py",
        "(high - 1) * stride - padding + kernel)",
        "(high - 1) * stride - padding + kernel - 1)",
    ),
)


def _fault(name: str, path: str, before: str, after: str) -> Fault:
    source = (ROOT / "mimesim" / path).read_text(encoding="utf-8")
    assert source.count(before) == 1, f"{path} holds {before!r} {source.count(before)} times, not once"
    return Fault(name, f"mimesim/{path}", source.index(before), before, after)


HAND_MADE = [_fault(*change) for change in _CHANGES]
