"""Traces: the activation masks of some images of one (network, scheme) on disk."""

from __future__ import annotations

from mimesim.trace.manifest import FORMAT_VERSION, Manifest, TaskEntry
from mimesim.trace.reader import Trace
from mimesim.trace.writer import TraceWriter

__all__ = ["FORMAT_VERSION", "Manifest", "TaskEntry", "Trace", "TraceWriter"]
