"""Everything that can be wrong with a trace on disk: one clear error each, naming the file and the rule."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mimesim.errors import InputError
from mimesim.network import Network
from mimesim.trace import Trace, TraceWriter

Edit = Callable[[Callable[[Any], None]], None]


def refuses(directory: Path, message: str, *, verify: bool = True) -> None:
    with pytest.raises(InputError, match=message):
        Trace.load(directory, verify=verify)


def test_no_directory(tmp_path: Path) -> None:
    refuses(tmp_path / "none", "none: there is no such directory; a trace is a directory with a manifest.json")


def test_a_file_instead(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refuses(tmp_path / "file", "file: is a file; a trace is a directory")


def test_no_manifest(tmp_path: Path) -> None:
    refuses(tmp_path, r"holds no manifest.json: it is not a trace")


def test_a_manifest_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").mkdir()
    refuses(tmp_path, r"manifest.json: cannot be read")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "is not valid JSON .* is the file truncated"),
        (b'{"format_version": 1, "net', "is not valid JSON .* is the file truncated"),
        (b"\xff\xfe\x00", "is not valid JSON"),
        (b"[" * 100_000, "is not valid JSON"),
        (b'{"format_version": NaN}', "NaN is no JSON number"),
        (b"[]", "must hold a JSON object"),
        (b"{}", "format_version = 'missing': this mimesim reads version 1 of the trace format"),
        (b'{"format_version": 2, "new": 0}', "format_version = 2: this mimesim reads version 1"),
        (b'{"format_version": true}', "format_version = True: this mimesim reads version 1"),
        (b'{"format_version": 1}', "network: Field required"),
    ],
)
def test_a_broken_manifest(tmp_path: Path, raw: bytes, message: str) -> None:
    (tmp_path / "manifest.json").write_bytes(raw)
    refuses(tmp_path, rf"manifest.json: (?s:.*){message}")


def put(*path: str | int, value: object) -> Callable[[Any], None]:
    def change(data: Any) -> None:
        for part in path[:-1]:
            data = data[part]
        data[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("colour", value="red"), "colour = 'red': Extra inputs are not permitted"),
        (put("scheme", value=3), "scheme = 3: Input should be a valid string"),
        (put("origin", value="guessed"), "origin = 'guessed': Input should be 'recorded' or 'drawn'"),
        (put("seed", value=-1), "seed = -1: Input should be greater than or equal to 0"),
        (put("tasks", value={}), "tasks: Dictionary should have at least 1 item"),
        (put("network", "nodes", 2, "shape", value=[32, 9, 8]), "network: node 'conv2': output height 9"),
        (put("tasks", "one", "images", value="3"), "tasks.one.images = '3': Input should be a valid integer"),
        (put("tasks", "one", "images", value=0), "tasks.one.images = 0: Input should be greater than or equal to 1"),
        (put("tasks", "one", "images", value=2), "tasks.one: image_ids has 3 entries for 2 images"),
        (put("tasks", "one", "labels", value=[0]), "tasks.one: labels has 1 entries for 3 images"),
        (put("tasks", "one", "labels", value=[0, 1, 10]), "labels holds 10, but there are 10 classes"),
        (put("tasks", "two", "predictions", value=[11, 1, 1]), "predictions holds 11, but there are 10 classes"),
        (put("tasks", "one", "image_ids", value=[1, 1, 2]), "image_ids names an image twice"),
        (put("tasks", "one", "test_accuracy", value=83.57), "test_accuracy = 83.57: Input should be less than or eq"),
        (put("tasks", "one", "file", value="../one.npz"), "tasks.one.file = '../one.npz': String should match"),
        (put("tasks", "one", "file", value="/tmp/x.npz"), "tasks.one.file = '/tmp/x.npz': String should match"),  # noqa: S108
        (put("tasks", "one", "file", value=".one.npz"), "tasks.one.file = '.one.npz': String should match"),
        (put("tasks", "one", "file", value="one.pkl"), "tasks.one.file = 'one.pkl': String should match"),
        (put("tasks", "one", "file", value="two.npz"), "two tasks share a mask file"),
        (put("tasks", "one", "weights_file", value="two.npz"), "a weights_file is also a task's file"),
        (put("tasks", "one", "file", value="six.npz"), "files lists other names than the tasks use: one.npz, six.npz"),
        (put("files", "odd.npz", value="0" * 64), "files lists other names than the tasks use: odd.npz"),
        (put("files", "../odd.npz", value="0" * 64), "files.*String should match pattern"),
        (put("files", "one.npz", value="xyz"), "files.one.npz = 'xyz': String should match pattern"),
        (put("files", "one.npz", value="0" * 64), "one.npz: has sha256 .* but manifest.json says 000000000000"),
    ],
)
def test_a_manifest_that_breaks_a_rule(
    recorded: Path, edit_manifest: Edit, change: Callable[[Any], None], message: str
) -> None:
    edit_manifest(change)
    refuses(recorded, message)


def test_a_missing_file(recorded: Path) -> None:
    (recorded / "two.npz").unlink()
    refuses(recorded, "two.npz: the file is missing, but manifest.json lists it")
    refuses(recorded, "two.npz: the file is missing, but manifest.json lists it", verify=False)


def test_a_changed_file_is_noticed_by_its_hash(recorded: Path) -> None:
    path = recorded / "one.npz"
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    refuses(recorded, "one.npz: has sha256 .*: the file was changed or is truncated")


def test_every_truncation_is_refused(recorded: Path, edit_manifest: Callable[[], None]) -> None:
    path = recorded / "one.npz"
    raw = path.read_bytes()
    for length in range(0, len(raw), max(1, len(raw) // 40)):
        path.write_bytes(raw[:length])
        edit_manifest()
        refuses(recorded, r"one.npz: is not a readable .npz .*is it truncated\?")


def test_flipped_bits_never_pass_unnoticed(recorded: Path, edit_manifest: Callable[[], None], tiny: Any) -> None:
    path = recorded / "one.npz"
    original = Trace.load(recorded)
    expected = {name: original.masks("one", name) for name in tiny.recorded}
    raw = path.read_bytes()
    for position in range(0, len(raw), max(1, len(raw) // 150)):
        broken = bytearray(raw)
        broken[position] ^= 0x10
        path.write_bytes(broken)
        edit_manifest()
        try:
            trace = Trace.load(recorded)
            found = {name: trace.masks("one", name) for name in tiny.recorded}
        except InputError as error:
            assert "one.npz" in str(error)  # noqa: PT017
        else:  # a byte that means nothing, such as a time stamp
            assert all(np.array_equal(found[name], expected[name]) for name in expected)


def test_a_missing_member(recorded: Path, edit_file: Callable[..., Path]) -> None:
    edit_file("one.npz", pool=None)
    refuses(recorded, "one.npz: pool: the file lacks this member")
    with pytest.raises(InputError, match=r"one.npz: pool: the file lacks this member"):
        Trace.load(recorded, verify=False).masks("one", "pool")


def test_an_unknown_member(recorded: Path, edit_file: Callable[..., Path]) -> None:
    edit_file("one.npz", conv9=np.zeros((3, 1), np.uint8))
    refuses(recorded, r"one.npz: conv9.npy: no such tensor is expected here")


def test_a_member_of_a_tensor_that_is_not_sparse(recorded: Path, edit_file: Callable[..., Path]) -> None:
    edit_file("one.npz", head=np.zeros((3, 2), np.uint8))
    refuses(recorded, r"one.npz: head.npy: no such tensor is expected here")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_twice(recorded: Path, edit_manifest: Callable[[], None]) -> None:
    with zipfile.ZipFile(recorded / "one.npz", "a") as archive:
        archive.writestr("pool.npy", archive.read("pool.npy"))
    edit_manifest()
    refuses(recorded, "one.npz: pool: the file holds this member twice")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 64), np.float32), r"holds float32, expected packed bits \(uint8\)"),
        (np.zeros((3, 64), np.bool_), r"holds bool, expected packed bits \(uint8\)"),
        (np.array([[None] * 64] * 3, dtype=object), r"holds object, expected packed bits \(uint8\)"),
        (np.zeros((2, 64), np.uint8), r"has shape \(2, 64\), expected \(3, 64\)"),
        (np.zeros((3, 65), np.uint8), r"has shape \(3, 65\), expected \(3, 64\)"),
        (np.zeros((3, 32, 4, 4), np.uint8), r"has shape \(3, 32, 4, 4\), expected \(3, 64\)"),
        (np.zeros((3, 64), np.uint8, order="F"), "is stored in Fortran order"),
    ],
)
def test_a_member_of_another_type_or_shape(
    recorded: Path, edit_file: Callable[..., Path], array: np.ndarray[Any, Any], message: str
) -> None:
    edit_file("one.npz", pool=array)
    refuses(recorded, f"one.npz: pool: {message}")
    with pytest.raises(InputError, match=message):
        Trace.load(recorded, verify=False).masks("one", "pool")


def test_padding_bits_must_be_zero(tmp_path: Path) -> None:
    shape = (1, 3, 3)  # nine bits leave seven of the second byte
    nodes = [{"name": "x", "kind": "input", "shape": shape}]
    nodes.append({"name": "c", "kind": "conv", "inputs": ["x"], "shape": shape, "activation": True})
    network = Network.model_validate({"name": "n", "nodes": nodes})
    with TraceWriter(tmp_path / "t", network=network, scheme="s") as writer:
        bits = np.ones((1, *shape), np.bool_)
        writer.add_task("t", dataset="d", classes=1, masks={"c": bits}, image_ids=[0], labels=[0])
    assert Trace.load(tmp_path / "t").packed("t", "c").tolist() == [[255, 1]]
    np.savez(tmp_path / "t" / "t.npz", c=np.array([[255, 3]], np.uint8))
    trace = Trace.load(tmp_path / "t", verify=False)
    with pytest.raises(InputError, match=r"t.npz: c: the 7 padding bits of the last byte must be zero"):
        trace.masks("t", "c")


def test_more_data_than_the_header_says(recorded: Path, edit_manifest: Callable[[], None]) -> None:
    path = recorded / "one.npz"
    with np.load(path) as archive:
        names = sorted(archive)
    with zipfile.ZipFile(path) as archive:
        raw = {name: archive.read(f"{name}.npy") for name in names}
    for change in (raw["pool"] + b"\0", raw["pool"][:-1]):
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(f"{name}.npy", change if name == "pool" else raw[name])
        edit_manifest()
        with pytest.raises(InputError, match=r"one.npz: pool: the data are not the 192 bytes of the header"):
            Trace.load(recorded).masks("one", "pool")


def test_a_member_that_is_no_array(recorded: Path, edit_manifest: Callable[[], None]) -> None:
    with zipfile.ZipFile(recorded / "one.npz", "w") as archive:
        archive.writestr("pool.npy", b"not an array")
    edit_manifest()
    refuses(recorded, r"one.npz: is not a readable .npz")


def test_the_weight_file_is_checked_too(recorded: Path, edit_file: Callable[..., Path]) -> None:
    edit_file("one.weights.npz", conv1=np.zeros((1, 53), np.uint8))
    refuses(recorded, r"one.weights.npz: conv1: has shape \(1, 53\), expected \(1, 54\)")


def test_a_layer_may_lack_in_the_weight_file(recorded: Path, edit_file: Callable[..., Path]) -> None:
    edit_file("one.weights.npz", conv1=None)
    assert Trace.load(recorded).weight_mask("two", "conv1") is None


def test_a_file_that_vanishes_after_loading(recorded: Path) -> None:
    trace = Trace.load(recorded)
    shutil.rmtree(recorded)
    with pytest.raises(InputError, match=r"one.npz: the file is missing"):
        trace.masks("one", "conv1")


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda t: t.masks("tow", "conv1"), "tow: the trace has no such task; did you mean 'two'?"),
        (lambda t: t.entry("xyz"), "xyz: the trace has no such task; it has one, two"),
        (lambda t: t.masks("one", "conv"), "conv: the trace has no such tensor; did you mean 'conv"),
        (lambda t: t.packed("one", "image"), "image: the trace has no such sparse tensor"),
        (lambda t: t.weight_mask("one", "pool"), "pool: the trace has no such layer with weights"),
        (lambda t: t.weight_mask("six", "conv1"), "six: the trace has no such task"),
        (lambda t: t.mask("one", 3, "conv1"), "image = 3: task 'one' has 3 images"),
        (lambda t: t.mask("one", -1, "conv1"), "image = -1: task 'one' has 3 images"),
    ],
)
def test_questions_about_what_is_not_there(recorded: Path, ask: Callable[[Trace], object], message: str) -> None:
    trace = Trace.load(recorded)
    with pytest.raises(InputError, match=message):
        ask(trace)
