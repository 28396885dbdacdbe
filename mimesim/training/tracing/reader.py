"""From the calls that torch.fx recorded to the nodes of a network: which layers the simulator knows, and which not.

A node takes in the batch norm and the activation behind it; dropout and flatten are none. What has no counterpart in
the simulated network is refused, with its place in the model.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

from mimesim.errors import InputError
from mimesim.network import Kind
from mimesim.training.threshold import ThresholdLayer
from mimesim.training.tracing.sites import Site

__all__ = ["GraphReader"]

BATCH_NORMS = (nn.BatchNorm2d, nn.BatchNorm1d)
RECTIFIERS = (nn.ReLU, nn.ReLU6, ThresholdLayer)
#: They keep every value as it is in inference, or only its place.
TRANSPARENT = (nn.Dropout, nn.Dropout2d, nn.AlphaDropout, nn.Identity, nn.Flatten)
#: Element by element, and hardly ever exactly 0: their outputs are dense.
DENSE = (nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Mish, nn.PReLU, nn.Sigmoid, nn.Tanh, nn.Softmax, nn.LogSoftmax)
POOLS: dict[type[nn.Module], Kind] = {
    nn.MaxPool2d: "max_pool", nn.AdaptiveMaxPool2d: "max_pool",
    nn.AvgPool2d: "avg_pool", nn.AdaptiveAvgPool2d: "avg_pool",
}  # fmt: skip

# The same as functions of torch (by identity) and as methods of a tensor (by name).
_RECTIFYING: dict[Any, type[nn.Module]] = {
    torch.relu: nn.ReLU, torch.relu_: nn.ReLU, functional.relu: nn.ReLU, functional.relu_: nn.ReLU,
    functional.relu6: nn.ReLU6, "relu": nn.ReLU, "relu_": nn.ReLU,
}  # fmt: skip
_DENSE: set[Any] = {
    functional.leaky_relu, functional.elu, functional.gelu, functional.silu, functional.mish, functional.softmax,
    functional.log_softmax, torch.softmax, torch.log_softmax, torch.sigmoid, functional.sigmoid, torch.tanh,
    functional.tanh, "softmax", "log_softmax", "sigmoid", "tanh",
}  # fmt: skip
_POOLING: dict[Any, type[nn.Module]] = {
    functional.max_pool2d: nn.MaxPool2d, functional.adaptive_max_pool2d: nn.AdaptiveMaxPool2d,
    functional.avg_pool2d: nn.AvgPool2d, functional.adaptive_avg_pool2d: nn.AdaptiveAvgPool2d,
    torch.max_pool2d: nn.MaxPool2d,
}  # fmt: skip
_ADDING: set[Any] = {operator.add, operator.iadd, torch.add, "add", "add_"}
_RESHAPING: set[Any] = {torch.flatten, torch.reshape, "flatten", "view", "reshape"}
_DROPPING: dict[Any, type[nn.Module]] = {functional.dropout: nn.Dropout, functional.dropout2d: nn.Dropout2d}
#: They tell something about a tensor, such as its size for a view, and hand none of its values on.
_TELLING: set[Any] = {"size", "dim"}
_TITLES = {"cat": "a concatenation", "mul": "a multiplication", "getitem": "a slice of a tensor"}


class GraphReader:
    """Walks the calls in order and folds batch norm and activation into the layer before them.

    On its way it gives every call of a rectifier a module ``activations.<n>`` of its own, lets functional dropout
    follow the mode of the module, and undoes additions in place, which would overwrite what another node wrote.
    """

    def __init__(self, module: fx.GraphModule, title: str) -> None:
        """Read *module*, which is changed; *title* names it in errors."""
        self.module, self.title = module, title
        self.sites: dict[str, Site] = {}
        self.made_by: dict[fx.Node, str] = {}
        """Which site's output a call hands on."""
        self.reshaped: set[fx.Node] = set()

    def read(self) -> tuple[Site, ...]:
        """The sites in order; raises ``InputError`` for what cannot be simulated."""
        steps: dict[str, Callable[[fx.Node], None]] = {
            "placeholder": self._placeholder, "call_module": self._module, "call_function": self._call,
            "call_method": self._call, "get_attr": self._attribute, "output": self._output,
        }  # fmt: skip
        for node in list(self.module.graph.nodes):
            steps[node.op](node)
        return tuple(self.sites.values())

    def _refusal(self, node: fx.Node, what: str) -> InputError:
        known = "conv, linear, batch norm, ReLU, pooling, residual additions, dropout and flatten"
        place = str(node.target) if node.op in ("call_module", "get_attr") else f"{_owner(node)}{node.name}"
        return InputError("model", f"has {what}, which cannot be simulated; known are {known}", key=self.title,
                          value=place)  # fmt: skip

    # ---- what a call reads -----------------------------------------------------------------------------------

    def _tensor(self, node: fx.Node) -> fx.Node:
        """The layer's output that *node* reads first."""
        source = node.args[0] if node.args else node.kwargs.get("input")
        if not isinstance(source, fx.Node) or source not in self.made_by:
            raise self._refusal(node, "a call on something other than a layer's output")
        return source

    def _source(self, node: fx.Node) -> str:
        return self.made_by[self._tensor(node)]

    def _readers(self, node: fx.Node) -> list[fx.Node]:
        return [user for user in node.users if not _tells(user)]

    def _directly(self, source: fx.Node, site: Site) -> bool:
        """Whether *source* is the value of *site*, at most dropped out, and is read once."""
        while source.name != site.output:
            if len(self._readers(source)) > 1 or (source in self.reshaped and site.kind != "linear"):
                return False
            source = self._tensor(source)
        return len(self._readers(source)) == 1

    def _add_site(self, node: fx.Node, kind: Kind, name: str, inputs: tuple[str, ...], **fields: Any) -> None:
        name = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
        if name.lower() in {other.lower() for other in self.sites} | {"image"}:
            name = f"{name}.{node.name}"
        self.sites[name] = Site(name, kind, node.name, inputs, **fields)
        self.made_by[node] = name

    # ---- by kind of call -------------------------------------------------------------------------------------

    def _placeholder(self, node: fx.Node) -> None:
        if not self.made_by:
            self.made_by[node] = "image"
        elif node.users or not node.args:  # one with a default that nothing reads does no harm
            raise self._refusal(node, "a second input")

    def _attribute(self, node: fx.Node) -> None:
        raise self._refusal(node, "a bare parameter or buffer")

    def _output(self, node: fx.Node) -> None:
        value = node.args[0]
        if not isinstance(value, fx.Node) or self.made_by.get(value) != next(reversed(self.sites), "image"):
            raise self._refusal(node, "an output that is not that of its last layer alone")

    def _module(self, node: fx.Node) -> None:
        path, module = str(node.target), self.module.get_submodule(str(node.target))
        if isinstance(module, nn.Conv2d | nn.Linear | nn.BatchNorm2d | nn.BatchNorm1d) and any(
            path in (site.weights, site.norm) for site in self.sites.values()
        ):
            raise self._refusal(node, "a layer that is used twice")
        if isinstance(module, nn.Conv2d | nn.Linear):
            kind: Kind = "conv" if isinstance(module, nn.Conv2d) else "linear"
            self._add_site(node, kind, path, (self._source(node),), weights=path)
        elif isinstance(module, BATCH_NORMS):
            self._extend(node, norm=path)
        elif isinstance(module, RECTIFIERS):
            # not in place: that would overwrite what a threshold's backward pass still needs
            self._rectify(node, module if isinstance(module, ThresholdLayer) else type(module)())
        elif type(module) in POOLS:
            self._pool(node, path, module)
        elif isinstance(module, TRANSPARENT):
            self._hand_on(node, reshaped=isinstance(module, nn.Flatten))
        elif isinstance(module, DENSE):
            self._extend(node)
        else:
            raise self._refusal(node, f"a {type(module).__name__}")

    def _call(self, node: fx.Node) -> None:
        """A function or a method."""
        what: Any = node.target
        if _tells(node) or not any(source in self.made_by for source in node.all_input_nodes):
            return  # reckoning with sizes, for a view
        if what in _RECTIFYING:
            self._rectify(node, _RECTIFYING[what]())
        elif what in _DENSE:
            self._extend(node)
        elif what in _ADDING:
            self._add(node)
        elif what in _POOLING:
            self._pool(node, f"{_owner(node)}{node.name}", _pool_of(node, _POOLING[what]))
        elif what is torch.mean or what == "mean":
            self._mean(node)
        elif what in _DROPPING:
            path = f"dropouts.{node.name}"
            self.module.add_submodule(path, _DROPPING[what](node.kwargs["p"]))
            _replace_by_module(node, path, self._tensor(node))
            self._hand_on(node)
        elif what in _RESHAPING or what == "contiguous" or (what in ("squeeze", torch.squeeze) and len(node.args) > 1):
            self._hand_on(node, reshaped=what != "contiguous")
        else:
            name = re.sub(r"_\d+$", "", node.name)
            raise self._refusal(node, _TITLES.get(name, f"a call of {name}"))

    def _hand_on(self, node: fx.Node, reshaped: bool = False) -> None:
        self.made_by[node] = self._source(node)
        if reshaped:
            self.reshaped.add(node)

    def _add(self, node: fx.Node) -> None:
        terms = node.all_input_nodes
        if len(terms) != 2 or any(term not in self.made_by for term in terms) or node.kwargs.get("alpha", 1) != 1:
            raise self._refusal(node, "an addition of something other than two layers' outputs")
        if node.target in (operator.iadd, "add_"):
            if any(reader is not node and reader not in self.made_by for reader in self._readers(terms[0])):
                raise self._refusal(node, "an addition in place to a tensor that is read again")
            node.target = "add" if node.target == "add_" else operator.add
        sources = tuple(self.made_by[term] for term in terms)
        if sources[0] == sources[1]:
            raise self._refusal(node, "an addition of a tensor to itself")
        self._add_site(node, "add", f"{_owner(node)}add", sources)

    def _pool(self, node: fx.Node, name: str, pool: nn.Module) -> None:
        if getattr(pool, "return_indices", False):
            raise self._refusal(node, "a pool that returns indices")
        self._add_site(node, POOLS[type(pool)], name, (self._source(node),), pool=pool)

    def _mean(self, node: fx.Node) -> None:
        axes: Any = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else None)
        if not isinstance(axes, list | tuple) or sorted(int(axis) % 4 for axis in axes) != [2, 3]:
            raise self._refusal(node, "a mean over other axes than height and width")
        self._add_site(node, "avg_pool", f"{_owner(node)}{node.name}", (self._source(node),), pool="global")

    def _extend(self, node: fx.Node, **fields: Any) -> None:
        """Let the site before take in the call *node*, which only it may read."""
        source = self._tensor(node)
        name = self.made_by[source]
        site = self.sites.get(name)
        if site is None or site.activation or not self._directly(source, site):
            raise self._refusal(node, "a batch norm or activation that does not directly follow the one layer it reads")
        if "norm" in fields and (site.norm or not site.weights):
            raise self._refusal(node, "a batch norm that does not directly follow a convolution or linear layer")
        self.sites[name] = replace(site, output=node.name, **fields)
        self.made_by[node] = name

    def _rectify(self, node: fx.Node, rectifier: nn.Module) -> None:
        """Make *rectifier* the module of the call *node*."""
        source = self._tensor(node)
        site = self.sites.get(self.made_by[source])
        if site is not None and site.kind == "max_pool" and not isinstance(rectifier, ThresholdLayer):
            node = self._before_pool(node, source, site)
            site = self.sites.get(self._source(node))
        if site is None or site.kind not in ("conv", "linear", "add"):
            raise self._refusal(node, "a ReLU that does not directly follow a layer or an addition")
        path = f"activations.{len(self.module.get_submodule('activations')._modules)}"
        self._extend(node, activation=path)
        self.module.add_submodule(path, rectifier)
        _replace_by_module(node, path, self._tensor(node))

    def _before_pool(self, node: fx.Node, source: fx.Node, site: Site) -> fx.Node:
        """Move a ReLU from behind a max-pool to before it, which changes no value: both only compare."""
        graph = self.module.graph
        (pool,) = (other for other in graph.nodes if other.name == site.output)
        if not self._directly(source, site):
            raise self._refusal(node, "a ReLU that does not directly follow a layer or an addition")
        before = self._tensor(pool)
        with graph.inserting_before(pool):
            moved = graph.call_module("activations", (before,))
        moved.meta = dict(node.meta)
        pool.replace_input_with(before, moved)
        node.replace_all_uses_with(source)
        graph.erase_node(node)
        return moved


def _tells(node: fx.Node) -> bool:
    """Whether *node* asks for a tensor's size rather than its values."""
    return node.target in _TELLING or (node.target is getattr and node.args[1:] in (("shape",), ("ndim",)))


def _replace_by_module(node: fx.Node, path: str, source: fx.Node) -> None:
    node.op, node.target, node.args, node.kwargs = "call_module", path, (source,), {}


def _owner(node: fx.Node) -> str:
    """The path of the module in whose forward the call stands, with a dot, or nothing for the model's own."""
    stack = list(node.meta.get("nn_module_stack", {}).values())
    return f"{stack[-1][0]}." if stack and stack[-1][0] else ""


def _pool_of(node: fx.Node, kind: type[nn.Module]) -> nn.Module:
    """The module that does what a functional pool does."""
    arguments = {key: value for key, value in node.kwargs.items() if key != "input"}
    return kind(*node.args[1:], **arguments)
