"""Gates of random height behind the neurons: those that let no information through are removed.

Source: Dai et al., "Compressing Neural Networks using the Variational Information Bottleneck", ICML 2018. The output of
every neuron is multiplied by z ~ N(mu, sigma^2), drawn anew for every image; the penalty is beta / 2 times the sum of
log(1 + mu^2 / sigma^2) over neurons and their positions. A neuron goes where log sigma^2 - log mu^2 > 0.01.

Other than there, mu is kept at 0 or above, so that what is left of a gate is a factor of the neuron's weights: pools
and rectifiers hand on a factor that is not negative.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mimesim.errors import InputError
from mimesim.training.pam.merged import MergedNet, Part

__all__ = ["Bottleneck", "Gate"]

CLOSED = 0.01
"""From this value of log sigma^2 - log mu^2 on, a neuron is removed."""


class Gate(nn.Module):
    """A gate behind each of *width* neurons, whose maps have *positions*."""

    def __init__(self, width: int, positions: int) -> None:
        """All as good as open: mu about 1, log sigma^2 about -9, from torch's global generator."""
        super().__init__()
        self.mu = nn.Parameter(torch.empty(width).normal_(1.0, 0.01))
        self.log_variance = nn.Parameter(torch.empty(width).normal_(-9.0, 0.01))
        self.positions = positions

    def forward(self, value: Tensor) -> Tensor:
        """(N, C, ...) times a draw for each image and neuron; in inference mode times mu."""
        z = self.mu.expand(len(value), -1)
        if self.training:
            z = z + (self.log_variance / 2).exp() * torch.randn_like(z)
        return value * z.to(value.dtype).view(*z.shape, *[1] * (value.ndim - 2))

    def divergence(self) -> Tensor:
        """What the neurons tell about what they read, at most: nats, a scalar."""
        return 0.5 * self.positions * torch.log1p(self.mu.square() / self.log_variance.exp()).sum()

    def kept(self) -> list[int]:
        """The neurons that stay, at least the one whose gate is widest open."""
        closed = self.log_variance - 2 * self.mu.log()  # infinite where mu is 0
        found = (closed <= CLOSED).nonzero().flatten().tolist()
        return found or [int(closed.argmin())]


class Bottleneck:
    """Gates behind the neurons of some *groups*, (layer, unit), of a network."""

    def __init__(self, net: MergedNet, groups: Sequence[tuple[str, str]], beta: float, rate: float) -> None:
        """Put the gates in, which learn at *rate*; *net* must have no other activation than ReLU."""
        self.net, self.beta, self.rate = net, beta, rate
        self.gates: dict[tuple[str, str], Gate] = {}
        device = next(net.parameters()).device
        for layer, unit in groups:
            link = net.chain.link(layer)
            if link.activation not in (nn.ReLU, None) or link.node is None:
                raise InputError("pruning.method", "bottleneck needs a network with ReLU", key=layer)
            positions = link.node.shape[1] * link.node.shape[2]
            self.gates[layer, unit] = Gate(net.widths[layer][unit], positions).to(device)
            net.part(layer, unit).gate = self.gates[layer, unit]

    def fast(self) -> tuple[list[nn.Parameter], float]:
        """The gates' parameters, and the rate at which they learn: their variance has far to go."""
        return [parameter for gate in self.gates.values() for parameter in gate.parameters()], self.rate

    def penalty(self) -> Tensor:
        """What is added to the loss, a scalar."""
        return self.beta * torch.stack([gate.divergence() for gate in self.gates.values()]).sum()

    def after_step(self) -> None:
        """Keep mu at 0 or above."""
        with torch.no_grad():
            for gate in self.gates.values():
                gate.mu.clamp_(min=0)

    def closed(self) -> MergedNet:
        """The network without gates and without the neurons behind those that are closed."""
        kept = {group: gate.kept() for group, gate in self.gates.items()}
        for (layer, unit), gate in self.gates.items():
            part = self.net.part(layer, unit)
            part.gate = nn.Identity()
            _scale(part, gate.mu.detach())
        return self.net.select(kept)


def _scale(part: Part, factor: Tensor) -> None:
    """Multiply the output of every neuron of *part* by its *factor* of 0 or more."""
    owner = part.layer if isinstance(part.norm, nn.Identity) else part.norm
    with torch.no_grad():
        for name, parameter in owner.named_parameters():
            if name in ("weight", "bias"):
                parameter.mul_(factor.view(-1, *[1] * (parameter.ndim - 1)))
