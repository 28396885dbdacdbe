"""Recording: on the CPU in float32; what other arithmetic would record differs at numerical ties only."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mimesim.errors import InputError
from mimesim.training.config import MimeMethod
from mimesim.training.data import ImageSet, normalise
from mimesim.training.methods import Mime
from mimesim.training.models import MODELS, Options
from mimesim.training.recording.masks import record
from mimesim.training.threshold import threshold_layers
from mimesim.training.tracing.graph import network_of
from mimesim.training.tracing.model import TracedModel

TIE = 1e-4
"""Of the largest value of a layer: closer to its threshold than this, a value may fall on either side of it."""


@pytest.fixture(scope="module")
def trained() -> TracedModel:
    """ResNet-18 with a threshold in the place of every ReLU, drawn rather than learned."""
    torch.manual_seed(0)
    model = MODELS["resnet18"].traced(Options(10, 32))
    for name, buffer in model.module.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.2)
    Mime(MimeMethod(), rate=0.1).prepare(model, 32)
    with torch.no_grad():
        for layer in threshold_layers(model.module):
            layer.t.uniform_(0.0, 0.3)
    model.module.eval()
    return model


@pytest.fixture(scope="module")
def images() -> ImageSet:
    generator = torch.Generator().manual_seed(1)
    pixels = torch.randint(0, 256, (4, 3, 32, 32), generator=generator, dtype=torch.uint8)
    return ImageSet(pixels, torch.zeros(4, dtype=torch.int64), torch.arange(4), 10)


def before_and_after(model: TracedModel, pixels: Tensor) -> dict[str, tuple[Tensor, Tensor, Tensor]]:
    """What each threshold reads, its threshold, and what it lets through."""
    seen: dict[str, tuple[Tensor, Tensor, Tensor]] = {}
    handles = [
        layer.register_forward_hook(
            lambda module, inputs, output, name=name: seen.__setitem__(name, (inputs[0], module.t.detach(), output))
        )
        for name, layer in model.activations.items()
    ]
    with torch.inference_mode():
        model.module(pixels)
    for handle in handles:
        handle.remove()
    return seen


@pytest.mark.parametrize(
    ("device", "dtype"),
    [
        ("cpu", torch.float64),
        pytest.param(
            "cuda", torch.float32, marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
        ),
    ],
)
def test_other_arithmetic_differs_at_ties_only(
    trained: TracedModel, images: ImageSet, device: str, dtype: torch.dtype
) -> None:
    here = record(trained, network_of(trained, "resnet18", 32), images)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    try:
        there = before_and_after(trained_as(trained, device, dtype), normalise(images.images).to(device, dtype))
    finally:
        trained_as(trained, "cpu", torch.float32)
    compared = 0
    for name, (value, threshold, output) in there.items():
        differs = torch.from_numpy(here.masks[name]) != (output != 0).cpu()
        close = ((value - threshold).abs() <= TIE * value.abs().max()).cpu()
        assert not (differs & ~close).any(), name
        assert close.float().mean() < 0.01, name  # else the rule would excuse anything
        compared += differs.numel()
    assert compared > 100_000


def trained_as(model: TracedModel, device: str, dtype: torch.dtype) -> TracedModel:
    model.module.to(device, dtype)
    return model


def test_a_recording_depends_on_the_weights_only(trained: TracedModel, images: ImageSet) -> None:
    network = network_of(trained, "resnet18", 32)
    one, other = record(trained, network, images), record(trained, network, images)
    assert one.predictions == other.predictions
    assert all((one.masks[name] == other.masks[name]).all() for name in network.recorded)


def test_numbers_that_are_none_are_refused(images: ImageSet) -> None:
    model = MODELS["resnet18"].traced(Options(10, 32))
    with torch.no_grad():
        model.head.weight[0, 0] = float("nan")
    with pytest.raises(InputError, match=r"image = 0: the network makes NaN or infinity of this image"):
        record(model, network_of(model, "resnet18", 32), images)
