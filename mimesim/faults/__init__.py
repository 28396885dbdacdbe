"""Bits that flip in stored words: how words are made of numbers, which bits flip, and which sums see them.

Nothing here needs PyTorch; what the flips do to a network's outputs is computed in :mod:`mimesim.training.faults`.
"""

from __future__ import annotations
