from __future__ import annotations

from importlib.util import find_spec

if find_spec("torch") is None:
    collect_ignore_glob = ["test_*.py", "*/test_*.py"]
else:
    import pytest
    import torch

    from mimesim.training.data import ImageSet
    from mimesim.training.models import ModelSpec, Options, vgg
    from mimesim.training.tracing.model import TracedModel
    from mimesim.training.tracing.sites import numbered

    # networks this small gain nothing from threads, and waiting for each other on a busy machine costs them dearly
    torch.set_num_threads(1)

    @pytest.fixture
    def spec() -> ModelSpec:
        """A VGG of two convolutions and one hidden layer."""
        return ModelSpec(lambda options: vgg((8, "M", 12, "M"), (16,), options), numbered)

    @pytest.fixture
    def model(spec: ModelSpec) -> TracedModel:
        """The small VGG for 8 x 8 images, with running statistics as after some training."""
        torch.manual_seed(0)
        made = spec.traced(Options(classes=10, size_px=8))
        for name, buffer in made.module.named_buffers():
            if name.endswith("running_mean"):
                buffer.normal_(0, 0.3)
            if name.endswith("running_var"):
                buffer.uniform_(0.5, 2.0)
        made.module.eval()
        return made

    @pytest.fixture
    def data() -> ImageSet:
        """Sixty images of noise, 16 x 16, six of each of ten classes."""
        generator = torch.Generator().manual_seed(3)
        images = torch.randint(0, 256, (60, 3, 16, 16), generator=generator, dtype=torch.uint8)
        return ImageSet(images, torch.arange(60) % 10, torch.arange(60), 10)
