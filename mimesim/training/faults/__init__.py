"""What wrong words cost: flips in stored weights and thresholds, through the trained network."""

from __future__ import annotations
