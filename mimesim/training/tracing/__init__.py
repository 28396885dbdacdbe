"""From a model of PyTorch to the network that is simulated: its layers, what each reads, where its activations sit."""

from __future__ import annotations
