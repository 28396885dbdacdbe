"""Everything the paper measured, replayed: its claims beside ours, and the questions that it leaves open."""

from __future__ import annotations
