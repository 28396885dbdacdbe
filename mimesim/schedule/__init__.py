"""The schedule: from layers and batches to the passes that flow through the machine."""

from __future__ import annotations
