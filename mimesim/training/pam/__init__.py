"""Pruning-Aware Merging: networks of several tasks made one, so that any of them together cost little after pruning."""

from __future__ import annotations
