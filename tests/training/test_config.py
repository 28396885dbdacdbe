"""What a training configuration may say, and the one error that each mistake is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mimesim.errors import InputError
from mimesim.training.config import MimeMethod, TrainingConfig, load_config

CONFIGS = Path(__file__).parents[2] / "workloads" / "training"


def test_shipped_configurations_are_valid() -> None:
    # other systems have configurations of their own, tested where they are
    found = [path for path in sorted(CONFIGS.glob("*.yaml")) if "system" not in yaml.safe_load(path.read_text())]
    assert found
    names = [load_config(path).name for path in found]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": 1}, r"colour: unknown key; known: network, features, hidden, name, note"),
        ({"sizepx": 64}, r"sizepx: unknown key; did you mean 'size_px'\?"),
        ({"size_px": 96}, r"phases must end at size_px = 96"),
        ({"child": {"batch": "many"}}, r"child\.batch = 'many': must be a whole number"),
        ({"child": {"trian_images": 5}}, r"child\.trian_images: unknown key; did you mean 'train_images'\?"),
        ({"child": {"phases": [{"size_px": 64, "epochs": float("inf")}]}}, r"epochs = inf: must be a finite number"),
        ({"child": {"methods": []}}, r"child\.methods: must have at least 1 entry"),
        (
            {"child": {"methods": [{"scheme": "conventional", "beta": 1e-6}]}},
            r"0\.conventional\.beta: unknown",
        ),
        ({"child": {"methods": [{"scheme": "mime", "bta": 1e-6}]}}, r"bta: unknown key; did you mean 'beta'\?"),
        ({"child": {"methods": [{"scheme": "magic"}]}}, r"child\.methods\.0.*'conventional', 'mime', 'pruned'"),
        ({"child": {"tasks": ["cifar10", "cifar10"]}}, r"task 'cifar10' is listed twice"),
        ({"record": {"images": {"none": 1}}}, r"record\.images names 'none', which is none of the methods"),
        ({"features": [8, "M"]}, r"features go with network: vgg, and only with it"),
        ({"network": "vgg"}, r"features go with network: vgg, and only with it"),
        ({"hidden": [8]}, r"hidden goes with network: vgg, and only with it"),
        ({"network": "vgg", "features": [8, "P"]}, r"features\.1"),
        ({"child": {"methods": [{"scheme": "mime"}, {"scheme": "mime"}]}}, r"method 'mime' is listed twice"),
        ({"child": {"methods": [{"scheme": "mime"}, {"scheme": "head", "rates": [0.1, 0.2]}]}}, r"as many rates"),
        ({"child": {"methods": [{"scheme": "mime", "rates": [0.1, 0.10000001]}]}}, r"no rate may be listed twice"),
        ({"child": {"trials": None}}, r"several rates need trials"),
        ({"child": {"trials": {"tasks": ["imagenet"]}}}, r"trials\.tasks names 'imagenet'"),
        ({"parent": {"weights": "imagenet"}}, r"parent: .*either weights .* or a schedule"),
        ({"parent": {"schedule": {"bacth": 3}}}, r"parent\.schedule\.bacth: unknown key; did you mean 'batch'\?"),
        ({"parent": {"rate": -1}}, r"parent\.rate = -1: must be more than 0"),
    ],
)
def test_a_bad_configuration_is_one_error_that_names_the_key(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    content = yaml.safe_load((CONFIGS / "vgg16-reduced.yaml").read_text())
    for key, value in change.items():
        content[key] = content[key] | value if isinstance(value, dict) else value
    path = tmp_path / "bad.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(InputError, match=message) as caught:
        load_config(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_config(tmp_path / "nothing.yaml")
    path = tmp_path / "bad.yaml"
    path.write_text("a: [")
    with pytest.raises(InputError, match="is not valid YAML"):
        load_config(path)
    path.write_text("just text")
    with pytest.raises(InputError, match=r"bad\.yaml: must hold a mapping"):
        load_config(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"bad\.yaml: is not UTF-8 text"):
        load_config(path)
    path.write_text("name: one\nname: two\n")
    with pytest.raises(InputError, match=r"bad\.yaml:2: name: stands twice"):
        load_config(path)


def test_defaults_are_the_papers() -> None:
    """Adam at 1e-3 for ten epochs of batches of 100, beta 1e-6."""
    config = TrainingConfig.model_validate(
        {
            "name": "defaults",
            "parent": {"weights": "imagenet"},
            "child": {"methods": [{"scheme": "mime"}]},
            "record": {"directory": "traces", "images": {"mime": 1}},
        }
    )
    (method,) = config.child.methods
    assert isinstance(method, MimeMethod)
    assert (method.rates, method.beta, method.threshold_granularity) == ((1e-3,), 1e-6, "neuron")
    assert (config.child.optimiser, config.child.batch) == ("adam", 100)
    assert [(phase.size_px, phase.epochs) for phase in config.child.phases] == [(64, 10)]
