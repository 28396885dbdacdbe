"""The two-minute version of a training: every stage, hardly any images."""

from __future__ import annotations

from pathlib import Path

from mimesim.training.config import Phase, TrainingConfig

__all__ = ["smoke"]


def smoke(config: TrainingConfig) -> TrainingConfig:
    """The same stages, methods and recordings as *config* with a few steps each, into folders named ``-quick``.

    Its numbers mean nothing; it shows that all of it runs.
    """
    first, last = Phase(size_px=min(32, config.size_px), epochs=1), Phase(size_px=config.size_px, epochs=0.5)
    short = {"phases": (first, last), "batch": 20}
    directory = config.record.directory
    return config.model_copy(
        update={
            "name": f"{config.name}-quick",
            "note": "a smoke test: trained for a few steps only, its numbers mean nothing",
            "test_images": 40,
            "parent": config.parent.model_copy(update=short | {"train_images": 100}),
            "child": config.child.model_copy(update=short | {"train_images": 40}),
            "record": config.record.model_copy(
                update={
                    "directory": Path(directory.parent) / f"{directory.name}-quick",
                    "images": dict.fromkeys(config.record.images, 1),
                }
            ),
        }
    )
