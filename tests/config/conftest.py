from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

MINIMAL = """\
name: small
tasks: [cifar10, cifar100]
traces:
  mime: masks
cases:
  - name: first
    scheme: mime
    trace: mime
  - name: second
    scheme: mime
    trace: mime
    skipping: none
hardware:
  grid:
    channels: 32
"""

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a workload file and return its path."""

    def write_file(text: str) -> Path:
        path = tmp_path / "small.yaml"
        path.write_text(text)
        return path

    return write_file


@pytest.fixture
def minimal(write: Write) -> Path:
    return write(MINIMAL)
