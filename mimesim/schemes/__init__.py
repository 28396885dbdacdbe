"""The schemes by which tasks share one network; a new one is one new file and one line here."""

from __future__ import annotations

from mimesim.schemes.base import SHARED, LayerParameters, Scheme, Storage, Thresholds
from mimesim.schemes.conventional import Conventional
from mimesim.schemes.memti import Memti
from mimesim.schemes.mime import Mime
from mimesim.schemes.pruned import Pruned

__all__ = [
    "SCHEMES",
    "SHARED",
    "Conventional",
    "LayerParameters",
    "Memti",
    "Mime",
    "Pruned",
    "Scheme",
    "Storage",
    "Thresholds",
]

#: Every scheme by the name that workloads use; options of a case become keyword arguments.
SCHEMES: dict[str, type[Scheme]] = {scheme.name: scheme for scheme in (Conventional, Pruned, Mime, Memti)}
