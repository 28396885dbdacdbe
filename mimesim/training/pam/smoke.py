"""The short version of a training of merged networks: every stage, hardly any images."""

from __future__ import annotations

from mimesim.training.pam.config import Fit, PamConfig

__all__ = ["smoke_pam"]


def smoke_pam(config: PamConfig) -> PamConfig:
    """The same systems as *config* with a few steps each, into folders named ``-quick``; its numbers mean nothing."""

    def short(fit: Fit) -> Fit:
        return fit.model_copy(update={"batch": 10, "epochs": 0.5})

    pruning = config.pruning
    return config.model_copy(
        update={
            "name": f"{config.name}-quick",
            "note": "A smoke test: trained for a few steps only, its numbers mean nothing.",
            "train_images": 60,
            "test_images": 20,
            "held_out": 0.2,
            "record_images": 1,
            "single": short(config.single),
            "merged": short(config.merged),
            "information": config.information.model_copy(update={"images": min(40, config.information.images)}),
            "pruning": pruning.model_copy(
                update={"fit": short(pruning.fit), "rounds": min(2, pruning.rounds), "images": 20}
            ),
            "results": config.results.with_name(f"{config.results.name}-quick"),
        }
    )
