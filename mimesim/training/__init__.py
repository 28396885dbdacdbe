"""Learning what a simulator replays: parents, thresholds, baselines and the recording of their masks (PyTorch).

This is the only package of mimesim that imports torch; everything else runs without it.
"""

from __future__ import annotations

from importlib.util import find_spec

from mimesim.errors import InputError

if find_spec("torch") is None:
    raise InputError("mimesim.training", "needs PyTorch, which is not installed: pip install 'mimesim[train]'")
