"""Traces: the activation masks of some images of one (network, scheme) on disk.

Record with :class:`TraceWriter`, or :func:`draw_trace` from a :class:`SparsityTable`; read with :meth:`Trace.load`;
look at one with :func:`describe` (data) or :func:`show_trace` (text).
"""

from __future__ import annotations

from mimesim.trace.draw import PoolDensity, draw_trace
from mimesim.trace.manifest import FORMAT_VERSION, Manifest, TaskEntry
from mimesim.trace.reader import Trace
from mimesim.trace.show import LayerSummary, TaskSummary, TraceSummary, describe, show_trace
from mimesim.trace.table import SparsityTable, TaskSparsity
from mimesim.trace.writer import TraceWriter

__all__ = [
    "FORMAT_VERSION",
    "LayerSummary",
    "Manifest",
    "PoolDensity",
    "SparsityTable",
    "TaskEntry",
    "TaskSparsity",
    "TaskSummary",
    "Trace",
    "TraceSummary",
    "TraceWriter",
    "describe",
    "draw_trace",
    "show_trace",
]
