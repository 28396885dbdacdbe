"""A network of the user's own, or one that is known by name, with weights out of a file, ready to be recorded."""

from __future__ import annotations

from pathlib import Path

import torch
import torchvision
from torch import nn

from mimesim.config.explain import suggest
from mimesim.errors import InputError
from mimesim.training.models import MODELS, ModelSpec, Options, load_state, model_spec
from mimesim.training.pretrained import IMAGENET, load_pretrained, read_state
from mimesim.training.tracing.model import TracedModel
from mimesim.training.user_code import user_code

__all__ = ["OwnModel"]

#: Names of torchvision's classification networks come behind it.
TORCHVISION = "torchvision"


class OwnModel:
    """The network *name*: ``MODULE:FUNCTION``, ``torchvision:NAME`` or one of :data:`MODELS`.

    The function is called without arguments and returns the network; MODULE is also looked for in the current folder.
    """

    def __init__(self, name: str, size: int, seed: int) -> None:
        """Import it; *seed* draws whatever weights no file supplies. Images are *size* pixels wide and high."""
        self.name, self.size, self.seed = name, size, seed
        package, _, network = name.partition(":")
        self.is_known = name in MODELS or package == TORCHVISION
        if package == TORCHVISION:
            self.spec = _torchvision_spec(name, network)
        else:
            self.spec = model_spec(name, "--model")

    def load(self, weights: str | None) -> TracedModel:
        """The network with the *weights* of a file, in inference mode.

        A network known by name needs weights, or ``imagenet`` for torchvision's; a function's may have its own.
        The head takes the classes that the weights were made for. Raises ``InputError`` for weights of another
        network, naming the first difference, and for a network that cannot be traced or computes something else then.
        """
        torch.manual_seed(self.seed)
        if not self.is_known:
            return self._load_own(weights)
        if weights is None:
            rule = "needs --weights: a file, or imagenet for torchvision's own"
            raise InputError("--model", rule, value=self.name)
        model = load_pretrained(self.spec, weights, self.size)
        model.module.eval()
        return model

    def _load_own(self, weights: str | None) -> TracedModel:
        if weights == IMAGENET:
            raise InputError("--weights", f"are torchvision's, not of {self.name}: name a file", value=weights)
        # in inference mode before it is traced: whatever forward does in training only must not be recorded
        model = self.spec.build(Options(classes=1, size_px=self.size)).eval()
        traced = TracedModel(model, self.spec.names)
        if weights is not None:
            state = read_state(Path(weights))
            path = traced.head_site.weights or ""
            wanted = state.get(f"{path}.weight", traced.head.weight)
            if wanted.ndim == 2 and len(wanted) != len(traced.head.weight):
                owner, _, leaf = path.rpartition(".")
                traced.set_head(len(wanted))
                model.get_submodule(owner).add_module(leaf, traced.head)
            # into the user's module, not the traced one, which leaves out modules that forward does not call
            load_state(model, state, weights)
            traced = TracedModel(model.eval(), self.spec.names)
        self._compare(model, traced)
        return traced

    def _compare(self, model: nn.Module, traced: TracedModel) -> None:
        """A trace follows one path through forward: hold it against the real thing on some image."""
        images = torch.randn(2, traced.channels, self.size, self.size, generator=torch.Generator().manual_seed(0))
        traced.output_shapes(self.size)  # images of this size may not fit, which it says
        with torch.inference_mode(), user_code("--model", self.name):
            expected, found = model(images), traced.module(images)
        if not torch.equal(expected.nan_to_num(), found.nan_to_num()):  # NaN is told of when it is recorded
            rule = (
                "computes something else when traced by torch.fx: is there randomness in inference, such as dropout"
                " without training=self.training, or a tensor that is changed in place and read again?"
            )
            raise InputError("--model", rule, value=self.name)


def _torchvision_spec(name: str, network: str) -> ModelSpec:
    known = torchvision.models.list_models(module=torchvision.models)
    if network not in known:
        rule = f"torchvision has no such classification network; {suggest(network, known)}"
        raise InputError("--model", rule, value=name)

    def build(options: Options) -> nn.Module:
        model: nn.Module = torchvision.models.get_model(network, num_classes=options.classes)
        return model

    return ModelSpec(build, torchvision_name=network)
