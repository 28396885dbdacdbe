"""Energy of a channel's commands from a device's currents, by the method of Micron's technical note TN-41-01.

Every command is charged with what it takes beyond standby, and standby with the clocks it lasts: mA x V x ns = pJ.
"""

from __future__ import annotations

from dataclasses import dataclass

from mimesim.config.standard import Standard

__all__ = ["ENERGIES", "CommandEnergy", "command_energy"]

#: The parts of the energy, in the order in which they are shown.
ENERGIES = ("ACT", "RD", "WR", "REF", "background")


@dataclass(frozen=True)
class CommandEnergy:
    """Energies of a rank: of one command in pJ, and of standby in pJ a clock, with a bank open and with none."""

    activate: float
    read: float
    write: float
    refresh: float
    active_standby: float
    idle_standby: float

    def total(self, counts: tuple[int, int, int, int], open_clocks: int, all_clocks: int) -> dict[str, float]:
        """Return pJ by part for (activates, reads, writes, refreshes) and the clocks of all ranks."""
        activates, reads, writes, refreshes = counts
        standby = self.active_standby * open_clocks + self.idle_standby * (all_clocks - open_clocks)
        parts = (self.activate * activates, self.read * reads, self.write * writes, self.refresh * refreshes, standby)
        return dict(zip(ENERGIES, parts, strict=True))


def command_energy(standard: Standard) -> CommandEnergy | None:
    """Return what the commands of *standard* cost, or None where its currents are not known.

    ACT holds the precharge that belongs to it. Currents of the data pins' terminations are not in IDD and not here.
    """
    if not standard.currents:
        return None
    timing, burst, devices = standard.timing, standard.burst_clocks, standard.devices_per_rank
    sums = [0.0] * 6
    for supply in standard.currents:
        # pJ that one mA is worth in a clock, in all devices of a rank: V x ns.
        unit = supply.volts * 1000 / standard.clock_mhz * devices
        standby = supply.idd3n * timing.t_ras + supply.idd2n * (timing.t_rc - timing.t_ras)
        parts = (
            supply.idd0 * timing.t_rc - standby,
            (supply.idd4r - supply.idd3n) * burst,
            (supply.idd4w - supply.idd3n) * burst,
            (supply.idd5 - supply.idd2n) * timing.t_rfc,
            supply.idd3n,
            supply.idd2n,
        )
        sums = [total + unit * part for total, part in zip(sums, parts, strict=True)]
    return CommandEnergy(*sums)
