"""Parents from a file: torchvision's ImageNet networks and any state dictionary, folded where VGG needs it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn

from mimesim.errors import InputError
from mimesim.training import pretrained
from mimesim.training.models import MODELS, ModelSpec, Options, fold_classifier
from mimesim.training.pretrained import load_pretrained, read_state


@pytest.mark.parametrize(("positions", "side"), [(1, 7), (2, 7), (3, 7), (7, 7), (4, 5)])
def test_the_folded_layer_is_the_pool_and_the_layer(positions: int, side: int) -> None:
    torch.manual_seed(0)
    layer = nn.Linear(3 * side * side, 5, bias=False, dtype=torch.float64)
    maps = torch.randn(4, 3, positions, positions, dtype=torch.float64)
    wanted = layer(nn.functional.adaptive_avg_pool2d(maps, side).flatten(1))
    folded = fold_classifier(layer.weight.detach(), positions, side)
    torch.testing.assert_close(maps.flatten(1) @ folded.T, wanted)


@pytest.mark.slow
def test_torchvisions_vgg16_is_the_same_function_at_64_pixels(tmp_path: Path) -> None:
    """The file is what ``torch.save(vgg16_bn(weights=...).state_dict(), FILE)`` writes, with drawn weights."""
    torch.manual_seed(0)
    original = torchvision.models.vgg16_bn().eval()
    for name, buffer in original.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.1)
    torch.save(original.state_dict(), tmp_path / "vgg16_bn.pt")
    model = load_pretrained(MODELS["vgg16"], str(tmp_path / "vgg16_bn.pt"), 64)
    model.module.eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(model.module(images), original(images), atol=1e-4, rtol=1e-4)
    assert model.head.weight.shape == (1000, 4096)
    assert model.layers["conv14"].weight.shape == (4096, 512 * 2 * 2)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2"])
def test_other_networks_take_their_own_state(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    original = torchvision.models.get_model(name, num_classes=7).eval()
    torch.save(original.state_dict(), tmp_path / "own.pt")
    model = load_pretrained(MODELS[name], str(tmp_path / "own.pt"), 64)
    model.module.eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(model.module(images), original(images))


def test_the_head_may_stand_anywhere_in_the_file(tmp_path: Path) -> None:
    class HeadFirst(nn.Module):
        def __init__(self, classes: int = 1000) -> None:
            super().__init__()
            self.head, self.conv, self.relu = nn.Linear(8, classes), nn.Conv2d(3, 8, 3), nn.ReLU()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            made: torch.Tensor = self.head(self.relu(self.conv(x)).mean([2, 3]))
            return made

    torch.save(HeadFirst(5).state_dict(), tmp_path / "own.pt")
    assert load_pretrained(ModelSpec(lambda _: HeadFirst()), str(tmp_path / "own.pt"), 8).head.weight.shape == (5, 8)


def test_imagenet_means_torchvisions_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def get_model(name: str, weights: str) -> nn.Module:
        asked.append((name, weights))
        made: nn.Module = torchvision.models.resnet18(num_classes=5)
        return made

    monkeypatch.setattr(pretrained.torchvision.models, "get_model", get_model)
    model = load_pretrained(MODELS["resnet18"], "imagenet", 32)
    assert asked == [("resnet18", "IMAGENET1K_V1")]
    assert model.head.weight.shape[0] == 5


def test_without_a_network_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(pretrained.torchvision.models, "get_model", unreachable)
    with pytest.raises(InputError, match=r"parent\.weights.*no route to host.*name the file instead"):
        load_pretrained(MODELS["resnet18"], "imagenet", 64)


def test_a_network_without_such_weights_is_refused(spec: ModelSpec) -> None:
    with pytest.raises(InputError, match="there are no ImageNet weights of this network"):
        load_pretrained(spec, "imagenet", 8)


def test_weights_of_another_network_name_the_difference(spec: ModelSpec, tmp_path: Path) -> None:
    state = spec.traced(Options(10, 8)).module.state_dict()
    state["features.4.weight"] = torch.zeros(14, 8, 3, 3)
    torch.save(state, tmp_path / "other.pt")
    with pytest.raises(InputError, match=r"other\.pt: features\.4\.weight = \(14, 8, 3, 3\).*another network"):
        load_pretrained(spec, str(tmp_path / "other.pt"), 8)


@pytest.mark.parametrize("content", [[1, 2], {}, {"epoch": 3}])
def test_a_file_that_holds_no_state_is_refused(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "odd.pt")
    with pytest.raises(InputError, match=r"odd\.pt: must hold a state dictionary"):
        read_state(tmp_path / "odd.pt")


def test_a_damaged_or_missing_file_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "damaged.pt").write_bytes(b"nonsense")
    with pytest.raises(InputError, match=r"damaged\.pt: is not a file of weights"):
        read_state(tmp_path / "damaged.pt")
    with pytest.raises(InputError, match=r"nowhere\.pt: cannot be read: No such file"):
        read_state(tmp_path / "nowhere.pt")


def test_nothing_in_a_file_is_executed(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "sprung",))  # type: ignore[return-value]

    torch.save({"weight": Trap()}, tmp_path / "trap.pt")
    with pytest.raises(InputError, match="is not a file of weights"):
        read_state(tmp_path / "trap.pt")
    assert not (tmp_path / "sprung").exists()
