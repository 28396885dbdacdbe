"""What a batch costs on the machine, replayed once and then remembered (``docs/serving.md`` has the rule)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mimesim.energy import PriceList
from mimesim.ledger import SHARED_IMAGE, CaseLedger, Residents
from mimesim.serving.request import Request
from mimesim.simulation import Runner

__all__ = ["BatchCost", "BatchCosts", "CacheState"]

CacheState = Literal["cold", "warm"]
#: An image of a task: what of a request decides what it costs.
Image = tuple[str, int]


@dataclass(frozen=True, slots=True)
class BatchCost:
    """What a batch took: cycles, words from and to DRAM, and energy in quanta of the price list.

    *own* is the energy that each image alone caused, *shared* what several caused together.
    """

    cycles: int
    dram_words: int
    own: tuple[int, ...]
    shared: int

    @property
    def quanta(self) -> int:
        """The energy of the whole batch."""
        return sum(self.own) + self.shared


class BatchCosts:
    """Replays the batches of one case; the last *remembered* different ones are looked up instead.

    ``cold``: every batch finds the machine as it is switched on, so its images in their order decide everything.
    ``warm``: it finds in the caches the parameters that the batch before left there; what is looked up is the pair of
    what the caches hold and the images, and what comes out is the cost and what they hold then.
    """

    def __init__(self, runner: Runner, case: str, prices: PriceList, caches: CacheState, remembered: int) -> None:
        self._runner = runner
        self._case = case
        self._prices = prices
        self._caches = caches
        self._remembered = remembered
        self._known: OrderedDict[tuple[Residents, tuple[Image, ...]], tuple[BatchCost, Residents]] = OrderedDict()
        self._residents: Residents = ()
        #: Batches replayed, and batches looked up.
        self.replayed = self.reused = 0
        #: Conservation laws that a replay broke.
        self.violations: list[str] = []
        #: Who replayed.
        self.engines: set[str] = set()

    def restart(self) -> None:
        """Empty the caches, as at the beginning of a stream; what was replayed stays known."""
        self._residents = ()

    def cost(self, batch: Sequence[Request]) -> BatchCost:
        """Return what the next batch costs; raises :class:`InputError` where the machine is too small for the case."""
        images = tuple((request.task, request.image) for request in batch)
        key = (self._residents, images)
        known = self._known.get(key)
        if known is None:
            self.replayed += 1
            known = self._known[key] = self._replay(images)
            if len(self._known) > self._remembered:
                self._known.popitem(last=False)
        else:
            self.reused += 1
            self._known.move_to_end(key)
        cost, residents = known
        if self._caches == "warm":
            self._residents = residents
        return cost

    def _replay(self, images: tuple[Image, ...]) -> tuple[BatchCost, Residents]:
        ledger, broken, engine = self._runner.replay_batch(self._case, images, self._residents)
        self.engines.add(engine)
        self.violations += [f"batch {images}: {violation}" for violation in broken]
        return _priced(ledger, len(images), self._prices), ledger.residents


def _priced(ledger: CaseLedger, images: int, prices: PriceList) -> BatchCost:
    quanta = dict.fromkeys((*range(images), SHARED_IMAGE), 0)
    for phase in ledger.phases:
        for image, row in phase.rows.items():
            quanta[image] += prices.price(row).total()
    words = sum(count for (level, _, _), count in ledger.words().items() if level == "dram")
    shared = quanta.pop(SHARED_IMAGE)
    return BatchCost(ledger.cycles, words, tuple(quanta.values()), shared)
