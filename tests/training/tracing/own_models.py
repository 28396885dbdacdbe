"""Networks as users write them, small; and the ones of torchvision that are traced in tests."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
import torchvision
from torch import Tensor, nn

#: torchvision's networks that can be traced, and the smallest images at which their pools cut equal windows.
ZOO = {
    "resnet18": 64, "resnet50": 64, "mobilenet_v2": 64, "mnasnet0_5": 64, "regnet_x_400mf": 64, "alexnet": 224,
    "vgg11_bn": 224,
}  # fmt: skip


def randomised(model: nn.Module, seed: int = 0) -> nn.Module:
    """*model* in inference mode, its running statistics as after some training, so that batch norm does something."""
    generator = torch.Generator().manual_seed(seed)
    for name, buffer in model.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.3, generator=generator)
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 2.0, generator=generator)
    return model.eval()


def zoo_model(name: str) -> nn.Module:
    """torchvision's network of that name with weights that are not trained."""
    torch.manual_seed(0)
    options = {"init_weights": False} if name.startswith("vgg") else {}
    return torchvision.models.get_model(name, num_classes=10, **options)


class Residual(nn.Module):
    """A stem with stride, a block of depthwise and pointwise convolutions with a shortcut, a max-pool, a head."""

    def __init__(self, classes: int = 4, channels: int = 3) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, 8, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.pointwise = nn.Conv2d(8, 8, 1)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.wide = nn.Conv2d(8, 12, (3, 1), stride=(2, 1), padding=(0, 1), groups=2)
        self.head = nn.Linear(12, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.norm(self.stem(x)))
        y = self.relu(self.depthwise(x))
        y = self.pointwise(y)
        y = y.add_(x)
        x = self.pool(self.relu(y))
        x = self.relu(self.wide(x))
        return self.head(x.mean([2, 3]))


class Functional(nn.Module):
    """Nothing but layers with weights is a module."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv2d(3, 6, 3, padding="same")
        self.b = nn.Conv2d(6, 6, 3, padding=1)
        self.c = nn.Conv2d(6, 8, 3, padding=1)
        self.d = nn.Linear(8 * 2 * 2, 16)
        self.head = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.a(x))
        x = torch.relu_(self.b(x) + x)
        x = functional.max_pool2d(x, 2)
        x = functional.relu6(functional.max_pool2d(self.c(x), 2))  # the ReLU behind the pool
        x = functional.adaptive_avg_pool2d(functional.avg_pool2d(x, 1), 2)
        x = functional.dropout(x, 0.3, training=self.training)
        x = x.view(x.size(0), -1)
        x = self.d(torch.flatten(x, 1)).relu()
        return functional.log_softmax(self.head(x), dim=1)
