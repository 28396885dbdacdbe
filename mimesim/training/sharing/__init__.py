"""What tasks add to one frozen network beside thresholds: adapters, low-rank updates, masks."""

from __future__ import annotations
