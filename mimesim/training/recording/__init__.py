"""From a trained network to a trace: masks of networks trained here, and of the user's own."""

from __future__ import annotations
