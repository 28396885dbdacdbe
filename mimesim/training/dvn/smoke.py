"""The short version of a training of virtual networks: every stage, hardly any images."""

from __future__ import annotations

from mimesim.training.dvn.config import DvnConfig

__all__ = ["smoke_dvn"]


def smoke_dvn(config: DvnConfig) -> DvnConfig:
    """The same systems as *config* with a few steps each, into folders named ``-quick``; its numbers mean nothing."""
    return config.model_copy(
        update={
            "name": f"{config.name}-quick",
            "note": "A smoke test: trained for a few steps only, its numbers mean nothing.",
            "train_images": 20,
            "test_images": 20,
            "batch": 10,
            "epochs": 1.0,
            "record_images": min(1, config.record_images),
            "results": config.results.with_name(f"{config.results.name}-quick"),
        }
    )
