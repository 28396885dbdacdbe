"""Address maps: which bits of an address choose channel, rank, bank group, bank, row and column."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mimesim.dram.standard import REQUEST_BYTES, Organisation
from mimesim.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

__all__ = ["DEFAULT_MAP", "AddressMap", "Places"]

#: A stream of consecutive requests meets all channels first, then all bank groups: t_ccd_s apart, not t_ccd_l.
DEFAULT_MAP = "RoRaBaCoBgCh"

_FIELDS = ("Ro", "Ra", "Bg", "Ba", "Co", "Ch")


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
        counts = {
            "Ro": organisation.rows,
            "Ra": organisation.ranks,
            "Bg": organisation.bank_groups,
            "Ba": organisation.banks_per_group,
            "Co": organisation.bursts_per_row,
            "Ch": organisation.channels,
        }
        self._organisation = organisation
        self._fields: dict[str, tuple[int, int]] = {}
        shift = REQUEST_BYTES.bit_length() - 1
        for field in reversed(_parse(name)):
            self._fields[field] = (shift, counts[field] - 1)
            shift += counts[field].bit_length() - 1
        self._capacity = 1 << shift

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


def _parse(name: str) -> list[str]:
    known = {field.lower(): field for field in _FIELDS}
    fields = [known.get(part.lower(), part) for part in re.findall("..?", name)]
    if "Bg" not in fields and "Ba" in fields:
        fields.insert(fields.index("Ba") + 1, "Bg")
    if sorted(fields) != sorted(_FIELDS):
        fields_text = f"{', '.join(_FIELDS)} once (Bg may be left out)"
        rule = f"must name each of {fields_text}, the highest bits first, such as {DEFAULT_MAP}"
        raise InputError("--map", rule, value=name)
    return fields
