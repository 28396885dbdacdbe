"""The schemes by which tasks share one network; a new one is one new file and one line here."""

from __future__ import annotations

from mimesim.schemes.base import SHARED, LayerParameters, Memory, Norm, Scheme, Storage, Thresholds, is_head
from mimesim.schemes.bn_only import BnOnly
from mimesim.schemes.conventional import Conventional
from mimesim.schemes.dvn import Dvn
from mimesim.schemes.heads import Heads
from mimesim.schemes.lora import Lora
from mimesim.schemes.memti import Memti
from mimesim.schemes.mime import Mime
from mimesim.schemes.packnet import Packnet
from mimesim.schemes.pam import Pam
from mimesim.schemes.piggyback import Piggyback
from mimesim.schemes.pruned import Pruned

__all__ = [
    "SCHEMES",
    "SHARED",
    "BnOnly",
    "Conventional",
    "Dvn",
    "Heads",
    "LayerParameters",
    "Lora",
    "Memory",
    "Memti",
    "Mime",
    "Norm",
    "Packnet",
    "Pam",
    "Piggyback",
    "Pruned",
    "Scheme",
    "Storage",
    "Thresholds",
    "is_head",
]

#: Every scheme by the name that workloads use; options of a case become keyword arguments.
SCHEMES: dict[str, type[Scheme]] = {
    scheme.name: scheme
    for scheme in (Conventional, Pruned, Mime, Heads, BnOnly, Piggyback, Packnet, Lora, Memti, Pam, Dvn)
}
