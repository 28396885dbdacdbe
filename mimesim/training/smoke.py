"""The two-minute version of a training: every stage, hardly any images."""

from __future__ import annotations

from pathlib import Path

from mimesim.training.config import Phase, TrainingConfig

__all__ = ["smoke"]


def smoke(config: TrainingConfig) -> TrainingConfig:
    """The same stages, methods and recordings as *config* with a few steps each, into folders named ``-quick``.

    Its numbers mean nothing; it shows that all of it runs.
    """
    last = Phase(size_px=config.size_px, epochs=0.5)
    short = {"phases": (last,), "batch": 10}
    parent, child, record = config.parent, config.child, config.record
    if parent.schedule is not None:
        parent = parent.model_copy(
            update={"schedule": parent.schedule.model_copy(update=short), "train_images": 60, "recalibrate_images": 20}
        )
    trials = child.trials and child.trials.model_copy(update={"held_out": 0.5})
    # two rates are enough to choose between
    methods = tuple(method.model_copy(update={"rates": method.rates[:2]}) for method in child.methods)
    return config.model_copy(
        update={
            "name": f"{config.name}-quick",
            "note": "a smoke test: trained for a few steps only, its numbers mean nothing",
            "test_images": 20,
            "parent": parent,
            "child": child.model_copy(update=short | {"train_images": 20, "trials": trials, "methods": methods}),
            "record": record.model_copy(
                update={
                    "directory": Path(record.directory.parent) / f"{record.directory.name}-quick",
                    "images": dict.fromkeys(record.images, 1),
                }
            ),
        }
    )
