"""Writes events as packets of Perfetto's TrackEvent, which https://ui.perfetto.dev opens.

The schema is that of the package ``perfetto`` (extra ``timeline``); field meanings: https://perfetto.dev/docs/reference/synthetic-track-event.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mimesim.errors import InputError
from mimesim.timeline.events import Events, Track

__all__ = ["check_installed", "write_timeline"]

#: Tracks of one case have numbers of their own.
_TRACKS_PER_CASE = 1 << 32
#: How tracks stand under each other.
_ORDER = ("tasks", "PE grid", "CMP", "NoC", "caches", "write-back", "DRAM")


def check_installed(path: Path) -> None:
    """Raise :class:`InputError` where the package that knows the format is missing."""
    try:
        import perfetto.protos.perfetto.trace.perfetto_trace_pb2  # noqa: F401
    except ImportError:
        rule = "needs the package perfetto: pip install 'mimesim[timeline]'"
        raise InputError(str(path), rule) from None


def write_timeline(path: Path, case: int, name: str, events: Events) -> None:
    """Write the packets of case number *case*, called *name*; packets of several cases may stand in one file.

    Raises :class:`OSError`.
    """
    import perfetto.protos.perfetto.trace.perfetto_trace_pb2 as schema

    with path.open("wb") as file:
        for packet in _Packets(schema, case, name).packets(events):
            # A trace is nothing but its packets, so that pieces of it can be strung together.
            trace = schema.Trace()
            trace.packet.append(packet)
            file.write(trace.SerializeToString())


def _natural(name: str) -> list[tuple[int, str]]:
    """Return what sorts bank 2 before bank 10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


class _Packets:
    """Builds the packets of one case; names stand in the file once."""

    def __init__(self, schema: Any, case: int, name: str) -> None:
        self._schema, self._case, self._name = schema, case, name
        self._tracks: dict[Track, int] = {}
        self._names: dict[str, int] = {}
        self._details: dict[str, int] = {}

    def packets(self, events: Events) -> Iterator[Any]:
        """Yield the tracks, then what happened on them in the order of time."""
        counters = {track for _, track, _ in events.counters}
        yield self._first()
        for track in self._all_tracks({one.track for one in events.slices} | counters):
            yield self._descriptor(track, counter=track in counters)
        kinds = self._schema.TrackEvent
        for tick, begins, one in events.ordered():
            if not begins:
                yield self._event(tick, one.track, kinds.TYPE_SLICE_END)
                continue
            kind = kinds.TYPE_SLICE_BEGIN if one.end > one.start else kinds.TYPE_INSTANT
            yield self._event(tick, one.track, kind, one.name, one.details)
        for tick, track, value in events.counters:
            packet = self._event(tick, track, kinds.TYPE_COUNTER)
            packet.track_event.counter_value = value
            yield packet
        if events.cut is not None:
            yield self._event(events.cut, (), kinds.TYPE_INSTANT, "recording ends: the limit is reached")

    def _first(self) -> Any:
        packet = self._packet()
        packet.sequence_flags = self._schema.TracePacket.SEQ_INCREMENTAL_STATE_CLEARED
        packet.track_descriptor.uuid = self._number(())
        packet.track_descriptor.name = self._name
        packet.track_descriptor.description = "1 us of this view is one cycle of the accelerator"
        packet.track_descriptor.child_ordering = self._schema.TrackDescriptor.EXPLICIT
        packet.track_descriptor.sibling_order_rank = self._case
        return packet

    @staticmethod
    def _all_tracks(tracks: set[Track]) -> list[Track]:
        """Return *tracks* and those that they are shown below, each after the one above it."""
        every = {track[:length] for track in tracks for length in range(1, len(track) + 1)}
        return sorted(every, key=lambda track: (_ORDER.index(track[0]), [_natural(name) for name in track]))

    def _descriptor(self, track: Track, counter: bool) -> Any:
        packet = self._packet()
        descriptor = packet.track_descriptor
        descriptor.uuid, descriptor.parent_uuid, descriptor.name = (
            self._number(track),
            self._number(track[:-1]),
            track[-1],
        )
        descriptor.child_ordering = self._schema.TrackDescriptor.EXPLICIT
        descriptor.sibling_order_rank = len(self._tracks)
        if counter:
            descriptor.counter.unit = self._schema.CounterDescriptor.UNIT_COUNT
        return packet

    def _event(
        self, tick: int, track: Track, kind: int, name: str = "", details: Mapping[str, int] | None = None
    ) -> Any:
        packet = self._packet()
        packet.timestamp = tick
        event = packet.track_event
        event.type, event.track_uuid = kind, self._number(track)
        if name:
            event.name_iid = self._interned(packet.interned_data.event_names, self._names, name)
        for what, value in (details or {}).items():
            annotation = event.debug_annotations.add()
            names = packet.interned_data.debug_annotation_names
            annotation.name_iid, annotation.int_value = self._interned(names, self._details, what), value
        return packet

    @staticmethod
    def _interned(written: Any, known: dict[str, int], name: str) -> int:
        """Return the number of a name, which the packet that first uses it explains."""
        if name not in known:
            known[name] = len(known) + 1
            entry = written.add()
            entry.iid, entry.name = known[name], name
        return known[name]

    def _packet(self) -> Any:
        packet = self._schema.TracePacket()
        packet.trusted_packet_sequence_id = self._case + 1
        packet.sequence_flags = self._schema.TracePacket.SEQ_NEEDS_INCREMENTAL_STATE
        return packet

    def _number(self, track: Track) -> int:
        return self._tracks.setdefault(track, (self._case + 1) * _TRACKS_PER_CASE + len(self._tracks))
