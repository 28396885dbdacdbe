"""Why some faults are not found: by file and what the change leaves of its line."""

from __future__ import annotations

__all__ = ["EXPLAINED"]

EXPLAINED: dict[str, str] = {
    "machine/controller.py: if not self._find(run, use, mask, WEIGHTS, run.first_fill ^ fill, victims):": (
        "Found since: a block and its mask are looked up for one number of a fill (`machine/lookups.py`), which the "
        "tests of weights hold."
    ),
    "machine/dram_plain.py: bank, row = page >> bank_shift & banks, page * rows": (
        "Found since, by `machine/test_dram_bank.py::test_columns_may_lie_above_rows`."
    ),
    "machine/pe_grid.py: and ((request := requests[place]) == 0 or activations[request - 1] is environment.cycle)": (
        "Nothing changes but speed: a pass that is taken for one that has to wait goes through the general test of all "
        "conditions, which finds that they hold."
    ),
}
