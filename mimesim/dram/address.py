"""Address maps: which bits of an address choose channel, rank, bank group, bank, row and column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mimesim.config.standard import Organisation, map_fields
from mimesim.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

__all__ = ["REQUEST_BYTES", "AddressMap", "Places"]

#: A request is one burst of one channel.
REQUEST_BYTES = 64


@dataclass(frozen=True)
class Places:
    """Where each address lies: *bank* counts all banks of a channel, ``(rank x groups + group) x banks + bank``."""

    channel: Integers
    bank: Integers
    row: Integers
    #: Addresses that lay beyond the capacity: their bits above it were dropped.
    wrapped: int


class AddressMap:
    """A map by its name: two letters a field, the highest bits first, such as ``RoBaRaCoCh``.

    ``Ro`` row, ``Ra`` rank, ``Bg`` bank group, ``Ba`` bank in its group, ``Co`` burst in its row, ``Ch`` channel. Below
    the lowest field lie the six bits inside a request. A name without ``Bg`` has it right below ``Ba``. Letters may be
    of either case. Raises :class:`InputError` where a field is missing, unknown or named twice.
    """

    def __init__(self, name: str, organisation: Organisation) -> None:
        self.name = name
        try:
            fields = map_fields(name, organisation)
        except ValueError as error:
            raise InputError("--map", str(error), value=name) from None
        low = REQUEST_BYTES.bit_length() - 1
        self._organisation = organisation
        self._fields = {field: (shift + low, mask) for field, (shift, mask) in fields.items()}
        self._capacity = REQUEST_BYTES * organisation.bursts

    def places(self, addresses: NDArray[np.uint64]) -> Places:
        """Return where *addresses*, in bytes, lie."""
        import numpy as np

        def field(name: str) -> Integers:
            shift, mask = self._fields[name]
            return ((addresses >> np.uint64(shift)) & np.uint64(mask)).astype(np.int64)

        organisation = self._organisation
        group = field("Ra") * organisation.bank_groups + field("Bg")
        wrapped = int(np.count_nonzero(addresses >= np.uint64(self._capacity)))
        return Places(field("Ch"), group * organisation.banks_per_group + field("Ba"), field("Ro"), wrapped)
