"""From the calls that torch.fx recorded to the nodes of a network: which layers the simulator knows, and which not."""

from __future__ import annotations

import operator
from dataclasses import replace
from typing import Any, cast

import torch
from torch import fx, nn

from mimesim.errors import InputError
from mimesim.network import Kind
from mimesim.training.sites import Site

__all__ = ["GraphReader"]

BATCH_NORMS = (nn.BatchNorm2d, nn.BatchNorm1d)
RECTIFIERS = (nn.ReLU, nn.ReLU6)
#: They keep every value as it is in inference, or only its place.
TRANSPARENT = (nn.Dropout, nn.Dropout2d, nn.AlphaDropout, nn.Identity, nn.Flatten)
#: Element by element, and hardly ever exactly 0: their outputs are dense.
DENSE = (nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Mish, nn.PReLU, nn.Sigmoid, nn.Tanh, nn.Softmax, nn.LogSoftmax)
POOLS: dict[type[nn.Module], Kind] = {
    nn.MaxPool2d: "max_pool", nn.AvgPool2d: "avg_pool", nn.AdaptiveAvgPool2d: "avg_pool",
}  # fmt: skip

_FUNCTIONS: dict[Any, type[nn.Module]] = {
    torch.relu: nn.ReLU, torch.relu_: nn.ReLU, nn.functional.relu: nn.ReLU, nn.functional.relu_: nn.ReLU,
    nn.functional.relu6: nn.ReLU6,
}  # fmt: skip
_METHODS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "relu_": nn.ReLU}
_ADDS = {operator.add, operator.iadd, torch.add}
_KEEPING = {torch.flatten, nn.functional.dropout, torch.reshape}
_KEEPING_METHODS = {"flatten", "view", "reshape", "contiguous"}


class GraphReader:
    """Walks the calls in order and folds batch norm and activation into the layer before them."""

    def __init__(self, module: fx.GraphModule, title: str) -> None:
        """Read *module*, which is changed; *title* names it in errors."""
        self.module, self.title = module, title
        self.sites: dict[str, Site] = {}
        self.made_by: dict[fx.Node, str] = {}
        """Which site's output a call hands on."""

    def read(self) -> tuple[Site, ...]:
        """Go through the calls; rectifiers become modules of their own on the way."""
        for node in self.module.graph.nodes:
            if node.op == "placeholder":
                if self.made_by:
                    raise self._refusal(node, "a second input")
                self.made_by[node] = "image"
            elif node.op == "call_module":
                self._module(node, self.module.get_submodule(str(node.target)))
            elif node.op == "call_function":
                self._function(node)
            elif node.op == "call_method":
                self._method(node)
            elif node.op == "get_attr":
                raise self._refusal(node, "a bare parameter or buffer")
        return tuple(self.sites.values())

    def _refusal(self, node: fx.Node, what: str) -> InputError:
        known = "conv, linear, batch norm, ReLU, pooling, residual additions, dropout and flatten"
        return InputError("model", f"has {what}, which cannot be simulated; known are {known}", key=self.title,
                          value=str(node.target))  # fmt: skip

    def _source(self, node: fx.Node) -> str:
        source = node.args[0] if node.args else None
        if not isinstance(source, fx.Node) or source not in self.made_by:
            raise self._refusal(node, "a call on something other than a layer's output")
        return self.made_by[source]

    def _add_site(self, node: fx.Node, kind: Kind, name: str, inputs: tuple[str, ...], **fields: Any) -> None:
        taken = {other.lower() for other in self.sites} | {"image"}
        if name.lower() in taken:
            name = f"{name}.{node.name}"
        self.sites[name] = Site(name, kind, node.name, inputs, **fields)
        self.made_by[node] = name

    def _module(self, node: fx.Node, module: nn.Module) -> None:
        path = str(node.target)
        if isinstance(module, nn.Conv2d | nn.Linear):
            if any(site.weights == path for site in self.sites.values()):
                raise self._refusal(node, "a layer that is used twice")
            kind: Kind = "conv" if isinstance(module, nn.Conv2d) else "linear"
            self._add_site(node, kind, path, (self._source(node),), weights=path)
        elif isinstance(module, BATCH_NORMS):
            self._extend(node, norm=path)
        elif isinstance(module, RECTIFIERS):
            self._rectify(node, type(module))
        elif type(module) in POOLS:
            self._add_site(node, POOLS[type(module)], path, (self._source(node),), pool=module)
        elif isinstance(module, TRANSPARENT):
            self.made_by[node] = self._source(node)
        elif isinstance(module, DENSE):
            self._extend(node)
        else:
            raise self._refusal(node, f"a {type(module).__name__}")

    def _function(self, node: fx.Node) -> None:
        function = node.target
        if function in _FUNCTIONS:
            self._rectify(node, _FUNCTIONS[function])
        elif function in _ADDS:
            terms = [term for term in node.args if isinstance(term, fx.Node)]
            if len(terms) != 2 or any(term not in self.made_by for term in terms):
                raise self._refusal(node, "an addition of something other than two layers' outputs")
            self._add_site(node, "add", f"{_owner(node)}add", tuple(self.made_by[term] for term in terms))
        elif function in (nn.functional.adaptive_avg_pool2d, torch.nn.functional.avg_pool2d,
                          nn.functional.max_pool2d):  # fmt: skip
            self._add_site(node, "max_pool" if "max" in node.name else "avg_pool", f"{_owner(node)}{node.name}",
                           (self._source(node),), pool=_pool_of(node))  # fmt: skip
        elif function is torch.mean:
            self._mean(node)
        elif function in _KEEPING:
            self.made_by[node] = self._source(node)
        elif function in (operator.getitem, getattr, operator.mul):  # sizes, for a view
            pass
        else:
            raise self._refusal(node, f"a call of {getattr(function, '__name__', function)}")

    def _method(self, node: fx.Node) -> None:
        if node.target in _METHODS:
            self._rectify(node, _METHODS[str(node.target)])
        elif node.target == "mean":
            self._mean(node)
        elif node.target in _KEEPING_METHODS:
            self.made_by[node] = self._source(node)
        elif node.target in ("add", "add_"):
            other = node.args[1]
            if not isinstance(other, fx.Node) or other not in self.made_by:
                raise self._refusal(node, "an addition of something other than two layers' outputs")
            self._add_site(node, "add", f"{_owner(node)}add", (self._source(node), self.made_by[other]))
        elif node.target not in ("size", "dim"):
            raise self._refusal(node, f"a call of {node.target}")

    def _mean(self, node: fx.Node) -> None:
        axes = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else None)
        if not isinstance(axes, list | tuple) or sorted(int(axis) % 4 for axis in axes) != [2, 3]:
            raise self._refusal(node, "a mean over other axes than height and width")
        self._add_site(node, "avg_pool", f"{_owner(node)}{node.name}", (self._source(node),), pool="global")

    def _extend(self, node: fx.Node, **fields: Any) -> None:
        """Let the site before take in the call *node*, which only it may read."""
        name = self._source(node)
        site = self.sites.get(name)
        source = cast("fx.Node", node.args[0])
        if site is None or site.output != source.name or len(source.users) > 1 or site.activation:
            raise self._refusal(node, "a batch norm or activation that does not directly follow the one layer it reads")
        if "norm" in fields and (site.norm or not site.weights):
            raise self._refusal(node, "a batch norm that does not directly follow a convolution or linear layer")
        self.sites[name] = replace(site, output=node.name, **fields)
        self.made_by[node] = name

    def _rectify(self, node: fx.Node, kind: type[nn.Module]) -> None:
        """Give the call of a rectifier a module of its own."""
        site = self.sites.get(self._source(node))
        if site is None or site.kind not in ("conv", "linear", "add"):
            raise self._refusal(node, "a ReLU that does not directly follow a layer or an addition")
        path = f"activations.{len(self.module.get_submodule('activations')._modules)}"
        self._extend(node, activation=path)
        # in place it would overwrite what a threshold's backward pass still needs
        self.module.add_submodule(path, kind())
        node.op, node.target, node.args, node.kwargs = "call_module", path, node.args[:1], {}


def _owner(node: fx.Node) -> str:
    """The path of the module in whose forward the call stands, with a dot, or nothing for the model's own."""
    stack = list(node.meta.get("nn_module_stack", {}))
    return f"{stack[-1]}." if stack and stack[-1] else ""


def _pool_of(node: fx.Node) -> nn.Module:
    """The module that does what a functional pool does."""
    arguments = {key: value for key, value in node.kwargs.items() if key != "return_indices"}
    rest = node.args[1:]
    if node.target is nn.functional.adaptive_avg_pool2d:
        return nn.AdaptiveAvgPool2d(*rest, **arguments)  # type: ignore[arg-type]
    if node.target is nn.functional.max_pool2d:
        return nn.MaxPool2d(*rest, **arguments)  # type: ignore[arg-type]
    return nn.AvgPool2d(*rest, **arguments)  # type: ignore[arg-type]
