"""A run as a picture over time: records what every part did, and writes it for Perfetto's viewer."""

from __future__ import annotations

from mimesim.timeline.events import Window
from mimesim.timeline.files import Timelines
from mimesim.timeline.recorder import Recorder

__all__ = ["Recorder", "Timelines", "Window"]
