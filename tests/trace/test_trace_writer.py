"""What the writer refuses, and that it leaves either a whole trace or nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mimesim.errors import InputError
from mimesim.network import Network
from mimesim.trace import Trace, TraceWriter

Masks = dict[str, NDArray[np.bool_]]


@pytest.fixture
def good(masks: Masks) -> dict[str, Any]:
    return {"dataset": "d", "classes": 4, "masks": masks, "image_ids": [0, 1, 2], "labels": [3, 0, 1]}


def write(directory: Path, network: Network, good: dict[str, Any], **options: Any) -> Trace:
    with TraceWriter(directory, network=network, scheme="s", **options) as writer:
        writer.add_task("t", **good)
    return Trace.load(directory)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: {"masks": {k: v for k, v in m.items() if k != "add"}}, "add: the mask of this tensor is missing"),
        (lambda m: {"masks": m | {"conv9": m["add"]}}, "conv9: the network has no such tensor; it has conv1, conv2"),
        (lambda m: {"masks": m | {"image": m["add"]}}, "image: the network has no such tensor"),
        (lambda m: {"masks": m | {"add": m["add"][:2]}}, r"add: has shape \(2, 32, 4, 4\), expected .* \(3, 32, 4, 4"),
        (lambda m: {"masks": m | {"add": m["add"].reshape(3, -1)}}, r"add: has shape \(3, 512\), expected"),
        (lambda m: {"masks": m | {"add": m["add"] * 1.5}}, r"add: holds float64, expected bool \(value != 0\)"),
        (lambda m: {"masks": m | {"add": m["add"].astype(np.uint8)}}, "add: holds uint8, expected bool"),
        ({"image_ids": []}, "images = 0: Input should be greater than or equal to 1"),
        ({"image_ids": [0, 1, 1]}, "image_ids names an image twice"),
        ({"image_ids": [0.0, 1.0, 2.0]}, "image_ids: must be a list of whole numbers"),
        ({"image_ids": [[0], [1], [2]]}, "image_ids: must be a list of whole numbers"),
        ({"labels": [0, 1]}, "labels has 2 entries for 3 images"),
        ({"labels": [0, 1, 4]}, "labels holds 4, but there are 4 classes"),
        ({"labels": [0, 1, -1]}, "labels.2 = -1: Input should be greater than or equal to 0"),
        ({"predictions": [0, 1, 9]}, "predictions holds 9, but there are 4 classes"),
        ({"test_accuracy": 83.0}, "test_accuracy = 83.0: Input should be less than or equal to 1"),
        ({"test_accuracy": float("nan")}, "test_accuracy"),
        ({"dataset": ""}, "dataset = '': String should have at least 1 character"),
        ({"weights_from": "other"}, "weights_from = 'other': no earlier task has weight masks"),
        ({"weights_from": "x", "weight_masks": {}}, "give weight_masks or weights_from, not both"),
        (lambda m: {"weight_masks": {"pool": m["pool"]}}, "pool: the network has no such layer with weights"),
        (lambda m: {"weight_masks": {"conv1": m["pool"]}}, r"conv1: weight mask has shape .*, expected \(16, 3, 3, 3"),
        ({"weight_masks": {"conv1": np.ones((16, 3, 3, 3))}}, "conv1: holds float64, expected bool"),
    ],
)
def test_a_bad_task_is_refused_and_leaves_nothing(
    tmp_path: Path,
    tiny: Network,
    good: dict[str, Any],
    change: dict[str, Any] | Callable[[Masks], dict[str, Any]],
    message: str,
) -> None:
    with (
        pytest.raises(InputError, match=message),
        TraceWriter(tmp_path / "t", network=tiny, scheme="s") as writer,
    ):
        writer.add_task("t", **good | (change(good["masks"]) if callable(change) else change))
    assert list(tmp_path.iterdir()) == []


def test_a_task_may_be_corrected_and_added_again(tmp_path: Path, tiny: Network, good: dict[str, Any]) -> None:
    with TraceWriter(tmp_path / "once", network=tiny, scheme="s") as writer:
        with pytest.raises(InputError):
            writer.add_task("t", **good, weight_masks={"conv1": np.ones((1, 1), np.bool_)})
        writer.add_task("t", **good)
    write(tmp_path / "plain", tiny, good)
    assert Trace.load(tmp_path / "once").digest() == Trace.load(tmp_path / "plain").digest()
    assert sorted(path.name for path in (tmp_path / "once").iterdir()) == ["manifest.json", "t.npz"]


@pytest.mark.parametrize("name", ["a/b", "..", ".hidden", "", "a b", "x" * 101])
def test_task_names_become_file_names(tmp_path: Path, tiny: Network, good: dict[str, Any], name: str) -> None:
    with (
        pytest.raises(InputError, match="String should"),
        TraceWriter(tmp_path / "t", network=tiny, scheme="s") as writer,
    ):
        writer.add_task(name, **good)
    assert list(tmp_path.iterdir()) == []


def test_tasks_may_not_differ_in_case_only(tmp_path: Path, tiny: Network, good: dict[str, Any]) -> None:
    with TraceWriter(tmp_path / "t", network=tiny, scheme="s") as writer:
        writer.add_task("cifar", **good)
        with pytest.raises(InputError, match="task 'CIFAR': was added already"):
            writer.add_task("CIFAR", **good)


def test_a_task_may_not_take_anothers_weight_file(
    tmp_path: Path, tiny: Network, good: dict[str, Any], weights: Masks
) -> None:
    with TraceWriter(tmp_path / "t", network=tiny, scheme="s") as writer:
        writer.add_task("a", weight_masks=weights, **good)
        with pytest.raises(InputError, match=r"task 'a.weights': its file would replace another task's"):
            writer.add_task("a.weights", **good)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"settings": {"x": float("nan")}}, "settings: must be a JSON object"),
        ({"settings": {"x": object()}}, "settings: must be a JSON object"),
        ({"seed": -1}, "manifest.json: seed = -1: Input should be greater than or equal to 0"),
        ({"origin": "guessed"}, "origin = 'guessed': Input should be 'recorded' or 'drawn'"),
        ({"scheme_options": {"x": [1]}}, "manifest.json: scheme_options.x"),
    ],
)
def test_bad_options(
    tmp_path: Path, tiny: Network, good: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        write(tmp_path / "t", tiny, good, **options)
    assert list(tmp_path.iterdir()) == []


def test_a_trace_needs_a_task(tmp_path: Path, tiny: Network) -> None:
    with (
        pytest.raises(InputError, match=r"manifest.json: tasks: Dictionary should have at least 1 item"),
        TraceWriter(tmp_path / "t", network=tiny, scheme="s"),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_an_error_or_interruption_leaves_what_was_there(tmp_path: Path, tiny: Network, good: dict[str, Any]) -> None:
    before = write(tmp_path / "t", tiny, good).digest()

    def interrupted() -> None:
        with TraceWriter(tmp_path / "t", network=tiny, scheme="s", overwrite=True) as writer:
            writer.add_task("t", **good)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert Trace.load(tmp_path / "t").digest() == before
    assert [path.name for path in tmp_path.iterdir()] == ["t"]


def test_nothing_appears_before_the_end(tmp_path: Path, tiny: Network, good: dict[str, Any]) -> None:
    with TraceWriter(tmp_path / "deep" / "t", network=tiny, scheme="s") as writer:
        writer.add_task("t", **good)
        assert not (tmp_path / "deep" / "t").exists()
    Trace.load(tmp_path / "deep" / "t")


def test_outside_a_with_statement(tmp_path: Path, tiny: Network, good: dict[str, Any]) -> None:
    with pytest.raises(RuntimeError, match="use TraceWriter in a with statement"):
        TraceWriter(tmp_path / "t", network=tiny, scheme="s").add_task("t", **good)


def test_an_empty_directory_is_used(tmp_path: Path, tiny: Network, good: dict[str, Any]) -> None:
    (tmp_path / "t").mkdir()
    write(tmp_path / "t", tiny, good)


def test_a_trace_is_replaced_only_on_request(tmp_path: Path, tiny: Network, good: dict[str, Any]) -> None:
    write(tmp_path / "t", tiny, good, seed=1)
    with pytest.raises(InputError, match="t: holds a trace already: choose another directory, or overwrite it"):
        write(tmp_path / "t", tiny, good, seed=2)
    assert write(tmp_path / "t", tiny, good, seed=2, overwrite=True).manifest.seed == 2
    assert [path.name for path in tmp_path.iterdir()] == ["t"]


def test_even_a_broken_trace_may_be_replaced(tmp_path: Path, tiny: Network, good: dict[str, Any]) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "manifest.json").write_text("{")
    write(tmp_path / "t", tiny, good, overwrite=True)


def test_a_link_to_a_directory_is_followed(tmp_path: Path, tiny: Network, good: dict[str, Any]) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    write(tmp_path / "link", tiny, good)
    assert (tmp_path / "link").is_symlink()
    Trace.load(tmp_path / "real")


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["thesis.tex"], "is not empty and not just a trace .it holds 'thesis.tex'.: choose another directory"),
        (["manifest.json", "notes.md"], "not just a trace .it holds 'notes.md'."),
        (["data.npz"], "not just a trace .it has no manifest.json."),
        (["manifest.json", "old.npz/x"], "not just a trace .it holds 'old.npz'."),
    ],
)
def test_someone_elses_directory_is_left_alone(
    tmp_path: Path, tiny: Network, good: dict[str, Any], files: list[str], message: str, overwrite: bool
) -> None:
    for name in files:
        (tmp_path / "t" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "t" / name).write_text("mine")
    with pytest.raises(InputError, match=message):
        write(tmp_path / "t", tiny, good, overwrite=overwrite)
    assert all((tmp_path / "t" / name).read_text() == "mine" for name in files)
    assert [path.name for path in tmp_path.iterdir()] == ["t"]


def test_a_file_is_left_alone(tmp_path: Path, tiny: Network, good: dict[str, Any]) -> None:
    (tmp_path / "t").write_text("mine")
    with pytest.raises(InputError, match="t: exists and is not a directory"):
        write(tmp_path / "t", tiny, good, overwrite=True)
    assert (tmp_path / "t").read_text() == "mine"


def test_a_directory_that_fills_up_meanwhile_is_left_alone(tmp_path: Path, tiny: Network, good: dict[str, Any]) -> None:
    def overtaken() -> None:
        with TraceWriter(tmp_path / "t", network=tiny, scheme="s") as writer:
            writer.add_task("t", **good)
            (tmp_path / "t").mkdir()
            (tmp_path / "t" / "mine").write_text("mine")

    with pytest.raises(InputError, match="is not empty and not just a trace"):
        overtaken()
    assert (tmp_path / "t" / "mine").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["t"]
