"""Reads a timeline back, packet by packet, as a viewer does."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import perfetto.protos.perfetto.trace.perfetto_trace_pb2 as schema

CYCLE = 1000


@dataclass
class Slice:
    """A slice with its depth on its track; times in ticks."""

    name: str
    start: int
    depth: int
    details: dict[str, int]
    end: int = -1

    @property
    def cycles(self) -> float:
        return (self.end - self.start) / CYCLE


@dataclass
class Timeline:
    """By the path of a track, the names from the case down: its slices, instants and counter values."""

    slices: dict[tuple[str, ...], list[Slice]] = field(default_factory=lambda: defaultdict(list))
    instants: dict[tuple[str, ...], list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))
    counters: dict[tuple[str, ...], list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    tracks: list[tuple[str, ...]] = field(default_factory=list)

    def on(self, *path: str, depth: int | None = None) -> list[Slice]:
        return [one for one in self.slices[path] if depth in (None, one.depth)]


def read_timeline(path: Path) -> Timeline:
    """Read a file; asserts that slices on a track follow each other or lie in each other, strictly."""
    trace = schema.Trace()
    trace.ParseFromString(path.read_bytes())
    assert trace.packet
    found = Timeline()
    paths: dict[int, tuple[str, ...]] = {}
    names: dict[tuple[int, str], dict[int, str]] = defaultdict(dict)
    stacks: dict[int, list[Slice]] = defaultdict(list)
    latest: dict[int, int] = defaultdict(lambda: -1)
    kinds = schema.TrackEvent
    for packet in trace.packet:
        sequence = packet.trusted_packet_sequence_id
        for what in ("event_names", "debug_annotation_names"):
            names[sequence, what] |= {one.iid: one.name for one in getattr(packet.interned_data, what)}
        if packet.HasField("track_descriptor"):
            track = packet.track_descriptor
            assert track.uuid not in paths
            above = paths[track.parent_uuid] if track.parent_uuid else ()
            paths[track.uuid] = (*above, track.name)
            found.tracks.append(paths[track.uuid])
            continue
        event: Any = packet.track_event
        uuid, tick = event.track_uuid, packet.timestamp
        where = paths[uuid]
        name = names[sequence, "event_names"].get(event.name_iid, "")
        assert tick >= latest[uuid], "a track goes back in time"
        latest[uuid] = tick
        if event.type == kinds.TYPE_SLICE_BEGIN:
            assert name
            details = {
                names[sequence, "debug_annotation_names"][one.name_iid]: one.int_value
                for one in event.debug_annotations
            }
            one = Slice(name, tick, len(stacks[uuid]), details)
            stacks[uuid].append(one)
            found.slices[where].append(one)
        elif event.type == kinds.TYPE_SLICE_END:
            stacks[uuid].pop().end = tick
        elif event.type == kinds.TYPE_INSTANT:
            found.instants[where].append((tick, name))
        else:
            assert event.type == kinds.TYPE_COUNTER
            found.counters[where].append((tick, event.counter_value))
    assert not any(stacks.values()), "a slice does not end"
    return found
