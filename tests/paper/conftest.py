"""A VGG16 with a sixteenth of the channels: the paper's layers by name, and a replay in a blink."""

from __future__ import annotations

from pathlib import Path

import pytest

from mimesim.config import Workload, load_workload
from mimesim.network import Network, Node
from mimesim.networks import build
from mimesim.paper.claims import TASKS
from mimesim.paper.lab import Lab
from mimesim.paper.report import PaperReport
from mimesim.trace import draw_trace

CASES = """
cases:
  - {name: dense, scheme: conventional, trace: conventional, skipping: none}
  - {name: sparse, scheme: conventional, trace: conventional}
  - {name: ours, scheme: mime, trace: mime}
  - {name: small, scheme: pruned, trace: pruned}
"""
HEAD = """
name: narrow
tasks: [cifar10, cifar100, fashion_mnist]
traces: {conventional: conventional, mime: mime, pruned: pruned}
"""


def narrow(size: int = 32, share: int = 16) -> Network:
    """Return VGG16 with a *share*-th of its channels."""
    nodes = [
        node
        if node.kind == "input" or node.name == "classifier"
        else Node.model_validate(node.model_dump() | {"shape": (node.shape[0] // share, *node.shape[1:])})
        for node in build("vgg16", size).nodes
    ]
    return Network(name="vgg16", nodes=tuple(nodes))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a workload with traces that stand in for recorded ones."""
    path = tmp_path_factory.mktemp("paper")
    for scheme in ("conventional", "mime", "pruned"):
        draw_trace(path / scheme, network=narrow(), scheme=scheme, images=3, seed=7, tasks=TASKS)
    (path / "narrow.yaml").write_text(HEAD + CASES)
    return path


@pytest.fixture(scope="session")
def workload(folder: Path) -> Workload:
    return load_workload(folder / "narrow.yaml")


@pytest.fixture(scope="session")
def lab(workload: Workload, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(workload, tmp_path_factory.mktemp("drawn"), jobs=1)


@pytest.fixture(scope="session")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results") / "paper"


@pytest.fixture(scope="session")
def report(workload: Workload, out: Path) -> PaperReport:
    """The whole of ``mimesim paper`` on the narrow network."""
    from mimesim.paper import run_paper

    return run_paper(workload, out, jobs=1)
