"""Energy of a channel's commands from a device's currents, by the method of Micron's technical note TN-41-01.

Every command is charged with what it takes beyond standby, and standby with the clocks it lasts: mA x V x ns = pJ.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from mimesim.config.standard import Part

__all__ = ["ENERGIES", "CommandEnergy", "command_energy"]

#: The parts of the energy, in the order in which they are shown.
ENERGIES = ("ACT", "RD", "WR", "REF", "background")


@dataclass(frozen=True)
class CommandEnergy:
    """Energies of a rank: of one command in pJ, and of standby in pJ a clock, with a bank open and with none.

    Exact: a current, a voltage and a clock are meant as they are written, in decimal.
    """

    activate: Fraction
    read: Fraction
    write: Fraction
    refresh: Fraction
    active_standby: Fraction
    idle_standby: Fraction

    def total(self, counts: tuple[int, int, int, int], open_clocks: int, all_clocks: int) -> dict[str, float]:
        """Return pJ by part for (activates, reads, writes, refreshes) and the clocks of all ranks."""
        activates, reads, writes, refreshes = counts
        standby = self.active_standby * open_clocks + self.idle_standby * (all_clocks - open_clocks)
        parts = (self.activate * activates, self.read * reads, self.write * writes, self.refresh * refreshes, standby)
        return {name: float(part) for name, part in zip(ENERGIES, parts, strict=True)}


def command_energy(part: Part) -> CommandEnergy | None:
    """Return what the commands of *part* cost, or None where its currents are not known.

    ACT holds the precharge that belongs to it. Currents of the data pins' terminations are not in IDD and not here.
    """
    if not part.currents:
        return None
    timing, burst, devices = part.timing, part.burst_clocks, part.devices_per_rank
    sums = [Fraction(0)] * 6
    for supply in part.currents:
        # pJ that one mA is worth in a clock, in all devices of a rank: V x ns.
        unit = _written(supply.volts) * 1000 / _written(part.clock_mhz) * devices
        idd0, idd2n, idd3n, idd4r, idd4w, idd5 = (
            _written(getattr(supply, name)) for name in ("idd0", "idd2n", "idd3n", "idd4r", "idd4w", "idd5")
        )
        parts = (
            idd0 * timing.t_rc - idd3n * timing.t_ras - idd2n * (timing.t_rc - timing.t_ras),
            (idd4r - idd3n) * burst,
            (idd4w - idd3n) * burst,
            (idd5 - idd2n) * timing.t_rfc,
            idd3n,
            idd2n,
        )
        sums = [total + unit * part for total, part in zip(sums, parts, strict=True)]
    return CommandEnergy(*sums)


def _written(value: float) -> Fraction:
    return Fraction(str(value))
