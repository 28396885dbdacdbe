"""A classification model as a graph: what its layers are, what each of them reads, and where its activations sit.

``torch.fx`` records the calls of a model's ``forward``; from them come the simulated network, the modules behind each
of its nodes, and a copy of the model in which every activation is a module of its own that a threshold can replace.
Nothing is read off a table, so a model needs no more than layers that the simulator knows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor, fx, nn

from mimesim.errors import InputError
from mimesim.training.threshold import ThresholdLayer
from mimesim.training.tracing.reader import GraphReader
from mimesim.training.tracing.sites import Naming, Site, by_path

__all__ = ["TracedModel"]


class TracedModel:
    """A model whose layers and activations can be addressed by the nodes of the network that is simulated.

    ``module`` computes what the model given computes and has its parameters under their own names; every call of a
    rectifier has become a module ``activations.<n>`` of its own.
    """

    def __init__(self, model: nn.Module, names: Naming = by_path) -> None:
        """Trace *model*, whose ``forward`` takes images (N, C, H, W); raises ``InputError`` where it cannot be."""
        self.title = type(model).__name__
        try:
            graph = _Tracer().trace(model)
        except Exception as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            rule = f"torch.fx cannot trace its forward ({reason}); it must not branch on values"
            raise InputError("model", rule, value=self.title) from error
        self.module = fx.GraphModule(model, graph, self.title)
        self._clear("activations")
        self.module.add_submodule("activations", nn.Module())
        self.sites = GraphReader(self.module, self.title).read()
        self.module.recompile()
        renamed = names(self.sites)
        called = {"": ""} | {site.name: renamed.get(site.name, site.name) for site in self.sites} | {"image": "image"}
        self.sites = tuple(
            replace(site, name=called[site.name], inputs=tuple(called[name] for name in site.inputs))
            for site in self.sites
        )
        if not self.sites or self.sites[-1].kind != "linear" or self.sites[-1].activation:
            raise InputError("model", "must end in a linear layer, its head", value=self.title)

    def _clear(self, name: str) -> None:
        """Let modules that the model itself keeps under *name* go by another: the name is needed."""
        for node in self.module.graph.nodes:
            path = str(node.target)
            if node.op == "call_module" and path.partition(".")[0] == name:
                node.target = f"own_{path}"
                self.module.add_submodule(node.target, self.module.get_submodule(path))

    @property
    def channels(self) -> int:
        """Channels of the images that it reads: what its first convolutions say, or 3."""
        readers = [self.layers.get(site.name) for site in self.sites if "image" in site.inputs]
        return next((layer.in_channels for layer in readers if isinstance(layer, nn.Conv2d)), 3)

    @property
    def layers(self) -> dict[str, nn.Conv2d | nn.Linear]:
        """The modules with weights by node, head included."""
        found: dict[str, nn.Conv2d | nn.Linear] = {}
        for site in self.sites:
            if site.weights:
                found[site.name] = cast("nn.Conv2d | nn.Linear", self.module.get_submodule(site.weights))
        return found

    @property
    def norms(self) -> dict[str, nn.Module]:
        """The batch norms by the node that they belong to."""
        return {site.name: self.module.get_submodule(site.norm) for site in self.sites if site.norm}

    @property
    def head_site(self) -> Site:
        """The node of the head."""
        return self.sites[-1]

    @property
    def head(self) -> nn.Linear:
        """The last linear layer."""
        return cast("nn.Linear", self.module.get_submodule(self.head_site.weights or ""))

    @property
    def activations(self) -> dict[str, nn.Module]:
        """The activation modules by node."""
        return {site.name: self.module.get_submodule(site.activation) for site in self.sites if site.activation}

    def set_activation(self, name: str, activation: nn.Module) -> None:
        """Replace the activation of node *name*."""
        (site,) = (site for site in self.sites if site.name == name)
        self.module.add_submodule(site.activation or "", activation)

    def set_head(self, classes: int, generator: torch.Generator | None = None) -> None:
        """A fresh head for a task with *classes* classes: weights normal(0, 0.01), bias 0."""
        old = self.head
        head = nn.Linear(old.weight.shape[1], classes, bias=old.bias is not None)
        with torch.no_grad():
            head.weight.normal_(0.0, 0.01, generator=generator)
            if head.bias is not None:
                head.bias.zero_()
        self.module.add_submodule(self.head_site.weights or "", head.to(old.weight.device))

    def outputs(self, images: Tensor) -> dict[str, Tensor]:
        """What every node writes for *images* (N, C, H, W), normalised; the mode of the modules is left as it is."""
        return _Keeper(self).keep(images)

    def output_shapes(self, size: int) -> dict[str, tuple[int, ...]]:
        """Shape of one image's output at every node, for square images of *size* pixels.

        Activations are passed over: a map of thresholds made for another size is no obstacle.
        """
        device = next(self.module.parameters()).device
        training = [module for module in self.module.modules() if module.training]
        self.module.eval()
        try:
            with torch.no_grad():
                images = torch.zeros(1, self.channels, size, size, device=device)
                outputs = _Keeper(self, activations=False).keep(images)
        except RuntimeError as error:
            rule = f"the network cannot take images of this size ({str(error).splitlines()[0]})"
            raise InputError("model", rule, key="size_px", value=size) from error
        finally:
            for module in training:
                module.training = True
        for name, output in outputs.items():
            if output.ndim < 2 or len(output) != 1:
                raise InputError("model", "mixes the images of a batch: flatten with start_dim=1", key=name)
        return {name: tuple(output.shape[1:]) for name, output in outputs.items()}


class _Tracer(fx.Tracer):
    """Takes threshold layers for what they are, besides the modules of torch.nn."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, ThresholdLayer) or super().is_leaf_module(m, module_qualified_name)


class _Keeper(fx.Interpreter):
    """Runs a traced model call by call and keeps what its nodes write."""

    def __init__(self, model: TracedModel, activations: bool = True) -> None:
        super().__init__(model.module)
        self._activations = activations
        self._wanted = {site.output: site.name for site in model.sites}
        self._kept: dict[str, Tensor] = {}

    def keep(self, images: Tensor) -> dict[str, Tensor]:
        self.run(images)
        return self._kept

    def run_node(self, n: fx.Node) -> Any:
        if not self._activations and n.op == "call_module" and str(n.target).startswith("activations."):
            value = self.env[n.all_input_nodes[0]]
        else:
            value = super().run_node(n)
        if n.name in self._wanted:
            self._kept[self._wanted[n.name]] = value
        return value
