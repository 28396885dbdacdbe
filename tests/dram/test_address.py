"""Address maps: every address has one place, every place one address, and names mean what they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimesim.config.standard import DEFAULT_MAP, Organisation
from mimesim.dram.address import AddressMap
from mimesim.errors import InputError

ORGANISATION = Organisation(
    channels=2, ranks=2, bank_groups=4, banks_per_group=2, rows=8, columns=32,
    device_bits=8, bus_bits=64, burst_length=8,
)  # fmt: skip
FIELDS = ["Ro", "Ra", "Bg", "Ba", "Co", "Ch"]


def place(name: str, address: int) -> tuple[int, int, int]:
    found = AddressMap(name, ORGANISATION).places(np.array([address], dtype=np.uint64))
    return int(found.channel[0]), int(found.bank[0]), int(found.row[0])


def test_fields_lie_where_the_name_has_them() -> None:
    # Ro 3 bits, Ba 1, Bg 2, Ra 1, Co 2, Ch 1; six bits inside a request.
    address = 0b101_1_10_1_11_1_000000
    assert place("RoBaRaCoCh", address) == place("RoBaBgRaCoCh", address) == (1, (1 * 4 + 2) * 2 + 1, 5)
    assert place("robabgracoch", address) == place("RoBaBgRaCoCh", address)
    assert place("ChRaBgBaRoCo", 0b1_0_11_0_110_01_000000) == (1, (0 * 4 + 3) * 2 + 0, 6)


@given(st.permutations(FIELDS))
def test_a_map_loses_nothing(fields: list[str]) -> None:
    name = "".join(fields)
    addresses = np.arange(ORGANISATION.bytes // 64, dtype=np.uint64) * np.uint64(64)
    found = AddressMap(name, ORGANISATION).places(addresses)
    together = (found.channel * ORGANISATION.banks + found.bank) * ORGANISATION.rows + found.row
    places, counts = np.unique(together, return_counts=True)
    assert len(places) == 2 * ORGANISATION.banks * ORGANISATION.rows
    assert set(counts) == {ORGANISATION.bursts_per_row}
    assert found.wrapped == 0


def test_what_lies_beyond_the_capacity_wraps_and_is_counted() -> None:
    addresses = np.array([0, 64, ORGANISATION.bytes, ORGANISATION.bytes + 64, 2**64 - 64], dtype=np.uint64)
    found = AddressMap(DEFAULT_MAP, ORGANISATION).places(addresses)
    assert found.wrapped == 3
    assert found.channel.tolist() == [0, 1, 0, 1, 1]


@pytest.mark.parametrize("name", ["", "Ro", "RoBaRaCo", "RoBaRaCoChCh", "RoBaRaCoXy", "RoBaRaCoC", "RoRaBgCoCh"])
def test_another_name_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"^--map: .*: must name each of Ro, Ra, Bg, Ba, Co, Ch once"):
        AddressMap(name, ORGANISATION)
