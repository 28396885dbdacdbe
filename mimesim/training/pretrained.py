"""Parents from elsewhere: torchvision's ImageNet weights, downloaded or out of a file."""

from __future__ import annotations

from pathlib import Path

import torchvision
from torch import Tensor

from mimesim.errors import InputError
from mimesim.training.files import read_tensors
from mimesim.training.models import ModelSpec, Options, fold_classifier, load_state
from mimesim.training.tracing.model import TracedModel

__all__ = ["IMAGENET", "load_pretrained", "read_state"]

IMAGENET = "imagenet"
"""In place of a file: torchvision's weights."""

HIDDEN = "classifier.0.weight"
"""Of a VGG: its first hidden layer's."""


def load_pretrained(spec: ModelSpec, weights: str, size: int) -> TracedModel:
    """The network of *spec* with *weights*: ``imagenet`` for torchvision's, or a file with such a state.

    The file holds a state dictionary as ``torch.save(model.state_dict(), FILE)`` writes it. A VGG's first hidden layer
    may have torchvision's 7 x 7 positions or those of *size*: the former is folded, which changes nothing but rounding.
    """
    state = _download(spec) if weights == IMAGENET else read_state(Path(weights))
    model = spec.traced(Options(1, size))
    head = state.get(f"{model.head_site.weights}.weight")
    if head is not None and head.ndim == 2:
        model.set_head(len(head))
    own = model.module.state_dict()
    given, wanted = state.get(HIDDEN), own.get(HIDDEN)
    if given is not None and wanted is not None and given.ndim == wanted.ndim == 2 and given.shape != wanted.shape:
        channels = given.shape[1] // 49
        positions = round((wanted.shape[1] / max(1, channels)) ** 0.5)
        if channels * 49 == given.shape[1] and channels * positions**2 == wanted.shape[1]:
            state[HIDDEN] = fold_classifier(given, positions)
    load_state(model.module, state, weights)
    return model


def read_state(path: Path) -> dict[str, Tensor]:
    """Read a file of weights; nothing in it is executed."""
    content = read_tensors(path, "is not a file of weights: torch.save(model.state_dict(), FILE) writes one")
    if not isinstance(content, dict) or not content or not all(isinstance(v, Tensor) for v in content.values()):
        raise InputError(str(path), "must hold a state dictionary: torch.save(model.state_dict(), FILE)")
    return content


def _download(spec: ModelSpec) -> dict[str, Tensor]:
    if not spec.torchvision_name:
        raise InputError("parent.weights", "there are no ImageNet weights of this network", value="imagenet")
    try:
        model = torchvision.models.get_model(spec.torchvision_name, weights="IMAGENET1K_V1")
    except OSError as error:
        rule = f"ImageNet weights could not be downloaded ({error}); fetch them and name the file instead"
        raise InputError("parent.weights", rule, value="imagenet") from error
    state: dict[str, Tensor] = model.state_dict()
    return state
