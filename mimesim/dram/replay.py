"""Replay a request trace: split it over the channels, run each, add up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

from mimesim.config.standard import Standard
from mimesim.dram.address import REQUEST_BYTES, AddressMap
from mimesim.dram.channel import Channel, Command
from mimesim.dram.energy import command_energy
from mimesim.dram.queues import Work
from mimesim.dram.requests import Requests
from mimesim.dram.settings import Settings

__all__ = ["Report", "replay"]


@dataclass(frozen=True)
class Report:
    """What a replay counted; times in clocks of the command bus, energies in pJ.

    *clocks* ends with the last data of the last request. Latency is from arrival to the clock after the last data.
    *row_hits* are column commands after the first of an activation; *forwarded* reads found their data in the write
    queue and needed no command. *energy_pj* is None where the standard has no currents.
    """

    standard: str
    map: str
    requests: int
    reads: int
    writes: int
    clocks: int
    nanoseconds: float
    bandwidth_gb_per_s: float
    peak_gb_per_s: float
    mean_latency_clocks: float
    max_latency_clocks: int
    row_hits: int
    row_hit_rate: float
    activates: int
    precharges: int
    refreshes: int
    forwarded: int
    wrapped: int
    energy_pj: dict[str, float] | None

    def as_dict(self) -> dict[str, object]:
        """Return the numbers under their names, for JSON."""
        return asdict(self)


def replay(
    requests: Requests,
    standard: Standard,
    map_name: str,
    settings: Settings | None = None,
    progress: Callable[[int], None] | None = None,
    logs: list[list[Command]] | None = None,
) -> Report:
    """Serve *requests* with one controller a channel and return what was counted.

    *progress* hears how many requests have been served. *logs* receives the list of commands of every channel.
    """
    import numpy as np

    settings = Settings() if settings is None else settings
    places = AddressMap(map_name, standard.organisation).places(requests.address)
    blocks = requests.address // np.uint64(REQUEST_BYTES)
    channels, served, latency_sum, latency_max = [], 0, 0, 0
    for number in range(standard.organisation.channels):
        mine = places.channel == number
        arrival = requests.arrival[mine]
        work = Work(
            bank=places.bank[mine].tolist(),
            row=places.row[mine].tolist(),
            block=blocks[mine].tolist(),
            write=requests.write[mine].astype(int).tolist(),
            arrival=arrival.tolist(),
        )
        channel = Channel(standard, settings, work, log=logs is not None)
        channel.run(_counting_on(progress, served))
        channels.append(channel)
        served += len(arrival)
        if len(arrival):
            latency = np.array(work.done, dtype=np.int64) - arrival
            latency_sum += int(latency.sum())
            latency_max = max(latency_max, int(latency.max()))
        if logs is not None:
            logs.append(channel.log or [])
    return _report(requests, standard, map_name, channels, latency_sum, latency_max, places.wrapped)


def _counting_on(progress: Callable[[int], None] | None, before: int) -> Callable[[int], None] | None:
    """Tell *progress* of the requests of this channel and of those *before*."""
    return None if progress is None else lambda done: progress(before + done)


def _report(
    requests: Requests,
    standard: Standard,
    map_name: str,
    channels: list[Channel],
    latency_sum: int,
    latency_max: int,
    wrapped: int,
) -> Report:
    devices = [channel.device for channel in channels]
    clocks = max(channel.clock for channel in channels)
    activates, reads, writes, refreshes = (
        sum(getattr(device, name) for device in devices) for name in ("activates", "reads", "writes", "refreshes")
    )
    nanoseconds = clocks * 1000 / standard.clock_mhz
    organisation = standard.organisation
    peak = organisation.channels * organisation.bus_bits / 8 * 2 * standard.clock_mhz / 1000
    hits = sum(device.row_hits for device in devices)
    price = command_energy(standard)
    energy = None
    if price is not None:
        open_clocks = sum(sum(device.open_clocks) for device in devices)
        all_clocks = clocks * organisation.channels * organisation.ranks
        energy = price.total((activates, reads, writes, refreshes), open_clocks, all_clocks)
    written = int(requests.write.sum())
    return Report(
        standard=standard.name,
        map=map_name,
        requests=len(requests),
        reads=len(requests) - written,
        writes=written,
        clocks=clocks,
        nanoseconds=nanoseconds,
        bandwidth_gb_per_s=len(requests) * REQUEST_BYTES / nanoseconds,
        peak_gb_per_s=peak,
        mean_latency_clocks=latency_sum / len(requests),
        max_latency_clocks=latency_max,
        row_hits=hits,
        row_hit_rate=hits / (reads + writes) if reads + writes else 0.0,
        activates=activates,
        precharges=sum(device.precharges for device in devices),
        refreshes=refreshes,
        forwarded=sum(channel.forwarded for channel in channels),
        wrapped=wrapped,
        energy_pj=energy,
    )
