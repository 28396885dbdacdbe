from __future__ import annotations

from importlib.util import find_spec

if find_spec("torch") is None:
    collect_ignore_glob = ["test_*.py"]
else:
    import pytest
    import torch

    from mimesim.training.models import Vgg, VggShape

    # networks this small gain nothing from threads, and waiting for each other on a busy machine costs them dearly
    torch.set_num_threads(1)

    SMALL = VggShape(features=(8, "M", 12, "M"), hidden=(16,), positions=2)

    @pytest.fixture
    def shape() -> VggShape:
        """A VGG of two convolutions that reads 8 x 8 images."""
        return SMALL

    @pytest.fixture
    def model(shape: VggShape) -> Vgg:
        torch.manual_seed(0)
        made = Vgg(shape, 10)
        # running statistics as after some training, so that batch norm does something
        for name, buffer in made.named_buffers():
            if name.endswith("running_mean"):
                buffer.normal_(0, 0.3)
            if name.endswith("running_var"):
                buffer.uniform_(0.5, 2.0)
        return made.eval()
