"""Energy: counts times prices, exactly (``docs/energy.md``; MIME, section V-A and Table IV).

All sums are integers, in *quanta*: the largest energy of which every price is a whole multiple. They turn into a float
at the very end, so parts add up to their totals whatever the prices.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import TypeVar

from mimesim.config.energy import Accounting, DramPricing, Prices
from mimesim.config.hardware import Hardware
from mimesim.dram import command_energy
from mimesim.ledger import SHARED_IMAGE, Access, CaseLedger, ImageRow, PhaseRecord

__all__ = ["LEVELS", "SHARED", "CaseEnergy", "EnergyRow", "PriceList", "RowTasks", "counted", "padding_words"]

_Key = TypeVar("_Key", bound=Hashable)

#: Stands in tables for what several tasks or images share.
SHARED = "shared"

#: Where energy goes, in the order of the tables. ``other``: comparators, zero-find and leakage.
LEVELS = ("dram", "cache", "reg", "mac", "envm", "other")

#: Which streams carry what beside their own words: whole bursts are counted with the first.
_COMPANIONS: dict[tuple[str, str], tuple[str, ...]] = {
    ("weights", "read"): ("index", "norm"),
    ("activations", "read"): ("mask",),
    ("thresholds", "read"): (),
    ("outputs", "write"): ("mask",),
}

#: The four scratchpad accesses that the paper prices for each MAC.
_PER_MAC = {("weights", "read"), ("activations", "read"), ("psums", "read"), ("psums", "write")}

#: What a PE keeps as a partial sum, wider than a word.
_SUMS = {"psums", "outputs"}

#: What DRAM does for no image alone, and what it draws whatever it does.
_ACTIVATE: Access = ("dram", "activate", "command")
_REFRESH: Access = ("dram", "refresh", "command")
_BACKGROUND: Access = ("dram", "background", "elapsed")
_COMMANDS = ("activate", "read", "write", "refresh", "active_standby", "idle_standby")

_MACS: Access = ("mac", "macs", "compute")
_COMPARE: Access = ("other", "compare", "compute")
_ZERO_FIND: Access = ("other", "zero_find", "compute")
_LEAKAGE: Access = ("other", "leakage", "elapsed")


def counted(accounting: Accounting, access: Access) -> bool:
    """Tell whether *accounting* puts a price on this kind of access.

    ``paper``: no bitmaps of activations, no accesses to a cache for which one to DRAM stands already (fills, and reads
    of what is evicted), and in the scratchpads only the four accesses of each MAC.
    """
    level, tensor, direction = access
    if accounting == "full" or level == "envm":
        return True
    if level == "dram":
        return tensor != "mask"
    if level == "cache":
        return (direction == "read") != (tensor == "outputs") and tensor not in ("mask", "outputs_mask")
    return (tensor, direction) in _PER_MAC


def padding_words(row: ImageRow, burst_words: int) -> dict[tuple[str, str], int]:
    """Return, for each stream to or from DRAM, the words that its whole bursts hold beyond the useful ones."""
    padding = {}
    for (level, tensor, direction), bursts in row.bursts.items():
        companions = _COMPANIONS.get((tensor, direction), ())
        if (level, "norm", direction) in row.bursts:
            # The task's norm has bursts of its own; what is folded travels with the weights.
            companions = tuple(part for part in companions if part != "norm")
        useful = sum(row.words[level, part, direction] for part in (tensor, *companions))
        padding[tensor, direction] = bursts * burst_words - useful
    return padding


class RowTasks:
    """Whose a row is: its image's task; for what images share, the task of the whole batch, or ``shared``.

    *images* lists (index, batch, task) of every image of the replay.
    """

    def __init__(self, images: Iterable[tuple[int, int, str]]) -> None:
        self._image: dict[int, str] = {}
        self._batch: dict[int, str] = {}
        for index, batch, task in images:
            self._image[index] = task
            self._batch[batch] = task if self._batch.get(batch, task) == task else SHARED

    def task(self, batch: int, image: int) -> str:
        """Return the name for one row."""
        return self._batch[batch] if image == SHARED_IMAGE else self._image[image]


class PriceList:
    """The prices of one accounting on one accelerator, in whole quanta."""

    def __init__(
        self, prices: Prices, accounting: Accounting, hardware: Hardware, dram: DramPricing = "per_word"
    ) -> None:
        self.accounting: Accounting = accounting
        self.unit = prices.unit
        self._hardware = hardware
        names = ("dram", "cache", "reg", "mac", "compare", "zero_find", "leakage_per_cycle")
        # A price is meant as it is written, in decimal; as a binary fraction 0.1 would not be a tenth.
        exact = {name: Fraction(str(getattr(prices, name))) for name in names}
        exact |= prices.envm(hardware.envm, hardware.word_bits, hardware.clock_mhz)
        self._commands = None
        if dram == "per_command":
            self._commands = command_energy(hardware.dram)
            if self._commands is None or prices.unit != "pJ":
                raise ValueError("per_command takes prices in pJ and a standard with currents")
            exact |= {name: getattr(self._commands, name) for name in _COMMANDS}
        self.quanta_per_unit = lcm(*(price.denominator for price in exact.values()))
        self._quanta = {name: int(price * self.quanta_per_unit) for name, price in exact.items()}

    def energy(self, quanta: int) -> float:
        """Return *quanta* in the unit of the prices, correctly rounded."""
        return quanta / self.quanta_per_unit

    def price(self, row: ImageRow) -> Counter[Access]:
        """Return the quanta of one row of a ledger by (level, tensor, direction); the free is left out.

        DRAM padding is charged to the tensor whose bursts these are. Leakage is charged to whoever has the PE grid.
        """
        full = self.accounting == "full"
        priced: Counter[Access] = Counter()
        for access, words in row.words.items():
            if counted(self.accounting, access) and not self._by_command(access):
                wide = full and access[0] == "reg" and access[1] in _SUMS
                width = self._hardware.scratchpad.psum_words if wide else 1
                priced[access] += words * width * self._quanta.get(_event(access), 0)
        if self._commands is not None:
            for access, bursts in row.bursts.items():
                priced[access] += bursts * self._quanta[access[2]]
        priced[_MACS] += row.macs * self._quanta["mac"]
        if full:
            if self._commands is None:
                for (tensor, direction), words in padding_words(row, self._hardware.burst_words).items():
                    priced["dram", tensor, direction] += words * self._quanta["dram"]
            priced[_COMPARE] += row.words["reg", "outputs", "read"] * self._quanta["compare"]
            priced[_ZERO_FIND] += row.words["cache", "mask", "read"] * self._quanta["zero_find"]
            elapsed = row.busy_cycles + sum(row.stalls.values())
            priced[_LEAKAGE] += elapsed * (self._quanta["leakage_per_cycle"] + self._quanta["envm_leakage"])
        return Counter({access: quanta for access, quanta in priced.items() if quanta})

    def price_commands(self, phase: PhaseRecord) -> Counter[Access]:
        """Return the quanta of what DRAM does in a phase for no one alone; nothing where it is priced by the word."""
        if self._commands is None:
            return Counter()
        counts, quanta = phase.commands, self._quanta
        more = quanta["active_standby"] - quanta["idle_standby"]
        priced = Counter(
            {
                _ACTIVATE: counts["activates"] * quanta["activate"],
                _REFRESH: counts["refreshes"] * quanta["refresh"],
                _BACKGROUND: counts["clocks"] * quanta["idle_standby"] + counts["active_clocks"] * more,
            }
        )
        return Counter({access: value for access, value in priced.items() if value})

    def _by_command(self, access: Access) -> bool:
        return self._commands is not None and access[0] == "dram"

    def total(self, ledger: CaseLedger) -> int:
        """Return the quanta of a whole case from its totals alone: the check on the sum of its parts."""
        words, bursts = ledger.words(), ledger.bursts()
        macs = sum(phase.pe.macs for phase in ledger.phases)
        quanta = macs * self._quanta["mac"]
        for access, count in words.items():
            whole = access[0] == "dram" and self.accounting == "full"
            if not counted(self.accounting, access) or whole or self._by_command(access):
                continue
            wide = self.accounting == "full" and access[0] == "reg" and access[1] in _SUMS
            width = self._hardware.scratchpad.psum_words if wide else 1
            quanta += count * self._quanta.get(_event(access), 0) * width
        if self._commands is not None:
            quanta += self._total_commands(ledger, bursts)
        elif self.accounting == "full":
            quanta += sum(bursts.values()) * self._hardware.burst_words * self._quanta["dram"]
        if self.accounting == "full":
            quanta += words["reg", "outputs", "read"] * self._quanta["compare"]
            quanta += words["cache", "mask", "read"] * self._quanta["zero_find"]
            quanta += ledger.cycles * (self._quanta["leakage_per_cycle"] + self._quanta["envm_leakage"])
        return quanta

    def _total_commands(self, ledger: CaseLedger, bursts: Counter[Access]) -> int:
        """Return the quanta of all DRAM commands, and of standby for the whole run."""
        dram, events, price = self._hardware.dram, ledger.dram_events, self._quanta
        clocks = -(-ledger.cycles * Fraction(dram.clock_mhz) // Fraction(self._hardware.clock_mhz))
        ranks = dram.organisation.channels * dram.organisation.ranks
        active = events["active_clocks"]
        return (
            sum(count * price[direction] for (_, _, direction), count in bursts.items())
            + events["activates"] * price["activate"]
            + events["refreshes"] * price["refresh"]
            + active * price["active_standby"]
            + (clocks * ranks - active) * price["idle_standby"]
        )


def _event(access: Access) -> str:
    """Return the name of the price of an access: a memory's, but that non-volatile memory has one for writes."""
    level, _, direction = access
    return "envm_write" if (level, direction) == ("envm", "write") else level


@dataclass(frozen=True, slots=True)
class EnergyRow:
    """The energy of one image (or ``SHARED_IMAGE``) in one phase, in quanta by (level, tensor, direction)."""

    phase: int
    batch: int
    layer: str
    image: int
    quanta: Counter[Access]

    def level(self, name: str) -> int:
        """Return the quanta of one level."""
        return sum(quanta for access, quanta in self.quanta.items() if access[0] == name)

    def total(self) -> int:
        """Return the quanta of the whole row."""
        return sum(self.quanta.values())


class CaseEnergy:
    """The energy of one case, cut in whichever way it is asked for: each cut sums to the same total.

    Methods return floats in the unit of the prices, but for :meth:`quanta`.
    """

    def __init__(self, ledger: CaseLedger, prices: PriceList) -> None:
        self.prices = prices
        self.rows = list(_energy_rows(ledger, prices))

    def quanta(self) -> int:
        """Return the total in quanta."""
        return sum(row.total() for row in self.rows)

    def total(self) -> float:
        """Return the energy of the whole case."""
        return self.prices.energy(self.quanta())

    def by_level(self) -> dict[str, float]:
        """Return the energy of each of :data:`LEVELS`."""
        return {level: self.prices.energy(sum(row.level(level) for row in self.rows)) for level in LEVELS}

    def by_tensor(self) -> dict[str, float]:
        """Return the energy of each tensor over all memories; ``macs``, ``compare``, ... stand beside the tensors."""
        sums: Counter[str] = Counter()
        for row in self.rows:
            for (_, tensor, _), quanta in row.quanta.items():
                sums[tensor] += quanta
        return {tensor: self.prices.energy(quanta) for tensor, quanta in sums.items()}

    def by_layer(self) -> dict[str, float]:
        """Return the energy of each layer, in the order in which they ran."""
        return self._by(lambda row: row.layer)

    def by_image(self) -> dict[int, float]:
        """Return what each image alone caused; ``SHARED_IMAGE`` holds what several caused together."""
        return self._by(lambda row: row.image)

    def by_task(self, names: RowTasks) -> dict[str, float]:
        """Return the energy of each task; *names* says whose a row is."""
        return self._by(lambda row: names.task(row.batch, row.image))

    def _by(self, key: Callable[[EnergyRow], _Key]) -> dict[_Key, float]:
        sums: dict[_Key, int] = {}
        for row in self.rows:
            sums[key(row)] = sums.get(key(row), 0) + row.total()
        return {name: self.prices.energy(quanta) for name, quanta in sums.items()}


def _energy_rows(ledger: CaseLedger, prices: PriceList) -> Iterator[EnergyRow]:
    for number, phase in enumerate(ledger.phases):
        commands = prices.price_commands(phase)
        images = [*phase.rows, *([SHARED_IMAGE] if commands and SHARED_IMAGE not in phase.rows else [])]
        for image in images:
            quanta = prices.price(phase.rows[image]) if image in phase.rows else Counter()
            if image == SHARED_IMAGE:
                quanta += commands
            yield EnergyRow(number, phase.batch, phase.layer, image, quanta)
