from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mimesim.network import Network
from mimesim.networks import build
from mimesim.trace import Trace, TraceWriter

Masks = dict[str, NDArray[np.bool_]]


@pytest.fixture(scope="session")
def tiny() -> Network:
    return build("tiny", 8)


@pytest.fixture(scope="session")
def masks(tiny: Network) -> Masks:
    rng = np.random.default_rng(7)
    return {name: rng.random((3, *tiny.node(name).shape)) < 0.4 for name in tiny.recorded}


@pytest.fixture(scope="session")
def weights(tiny: Network) -> Masks:
    rng = np.random.default_rng(8)
    return {node.name: rng.random(tiny.weight_shape(node)) < 0.1 for node in tiny.weight_layers}


@pytest.fixture
def recorded(tmp_path: Path, tiny: Network, masks: Masks, weights: Masks) -> Path:
    """A trace of two tasks that share their weight masks; loads without complaint."""
    directory = tmp_path / "trace"
    common: dict[str, Any] = {"classes": 10, "masks": masks, "image_ids": [9, 4, 2], "labels": [0, 9, 5]}
    with TraceWriter(directory, network=tiny, scheme="pruned", parent="p", seed=3, settings={"lr": 0.1}) as writer:
        writer.add_task("one", dataset="d1", weight_masks=weights, test_accuracy=0.5, test_images=100, **common)
        writer.add_task("two", dataset="d2", weights_from="one", predictions=[0, 1, 2], **common)
    Trace.load(directory)
    return directory


@pytest.fixture
def edit_manifest(recorded: Path) -> Callable[[Callable[[Any], None]], None]:
    """Change the manifest's JSON; hashes are brought up to date afterwards, so that the change itself is found."""

    def edit(change: Callable[[Any], None] = lambda _: None) -> None:
        path = recorded / "manifest.json"
        data = json.loads(path.read_text())
        for name in data["files"]:
            if (recorded / name).exists():
                data["files"][name] = hashlib.sha256((recorded / name).read_bytes()).hexdigest()
        change(data)
        path.write_text(json.dumps(data))

    return edit


@pytest.fixture
def edit_file(recorded: Path, edit_manifest: Callable[[], None]) -> Callable[..., Path]:
    """Replace (or with None remove) members of a trace's file and bring its hash up to date."""

    def edit(name: str, **changes: NDArray[Any] | None) -> Path:
        path = recorded / name
        with np.load(path) as archive:
            members: dict[str, Any] = dict(archive) | changes
        with zipfile.ZipFile(path, "w") as archive:
            for member, array in members.items():
                if array is not None:
                    with archive.open(f"{member}.npy", "w") as stream:
                        np.lib.format.write_array(stream, array, allow_pickle=True)
        edit_manifest()
        return path

    return edit
