"""What a training configuration may say, and the one error that each mistake is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mimesim.errors import InputError
from mimesim.training.config import load_config

CONFIGS = Path(__file__).parents[2] / "workloads" / "training"


def test_shipped_configurations_are_valid() -> None:
    found = sorted(CONFIGS.glob("*.yaml"))
    assert found
    names = [load_config(path).name for path in found]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": 1}, r"colour: Extra inputs are not permitted"),
        ({"size_px": 96}, r"phases must end at size_px = 96"),
        ({"child": {"methods": []}}, r"child\.methods"),
        ({"child": {"methods": [{"scheme": "conventional", "beta": 1e-6}]}}, r"child\.methods\.0.*beta: Extra inputs"),
        ({"child": {"methods": [{"scheme": "magic"}]}}, r"child\.methods\.0.*'conventional', 'mime', 'pruned'"),
        ({"child": {"tasks": ["cifar10", "cifar10"]}}, r"task 'cifar10' is listed twice"),
        ({"record": {"images": {"none": 1}}}, r"record\.images names 'none', which is none of the methods"),
        ({"record": {"images": {"head": 1}}}, r"record\.images names 'head', a control that no scheme"),
        ({"child": {"methods": [{"scheme": "mime"}, {"scheme": "mime"}]}}, r"method 'mime' is listed twice"),
        ({"child": {"methods": [{"scheme": "mime"}, {"scheme": "head", "rates": [0.1, 0.2]}]}}, r"as many rates"),
        ({"child": {"trials": None}}, r"several rates need trials"),
        ({"child": {"trials": {"tasks": ["imagenet"]}}}, r"trials\.tasks names 'imagenet'"),
        ({"parent": {"weights": "imagenet"}}, r"parent: .*either weights .* or a schedule"),
        ({"parent": {"rate": -1}}, r"parent\.rate"),
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
    with pytest.raises(InputError, match=r"bad\.yaml"):
        load_config(path)
