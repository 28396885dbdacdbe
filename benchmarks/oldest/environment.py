"""An environment of its own, of the oldest Python, with the oldest versions in it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.oldest.bounds import HELD, ROOT, oldest_python, pins

__all__ = ["constrained", "installed", "make", "normal", "python_in"]

_PINS = "pins.txt"


def make(folder: Path, requirements: Sequence[str]) -> None:
    """Make the environment *folder* anew and install *requirements* at the oldest versions.

    Raises :class:`SystemExit` if the oldest Python is not there, or if pip cannot install what was asked for.
    """
    command = [_find_python(oldest_python()), "-m", "venv", "--clear", str(folder)]
    subprocess.run(command, check=True)
    pinned = "".join(f"{name}=={version}\n" for name, version in pins().items())
    (folder / _PINS).write_text(pinned, encoding="utf-8")
    pip = [str(python_in(folder)), "-m", "pip", "--disable-pip-version-check"]
    progress = [] if sys.stderr.isatty() else ["--quiet"]
    for arguments in (["install", *progress, "--no-compile", *requirements], ["check"]):
        if status := subprocess.run([*pip, *arguments], cwd=ROOT, env=constrained(folder), check=False).returncode:
            raise SystemExit(status)


def constrained(folder: Path) -> dict[str, str]:
    """Return the variables under which pip, whoever calls it, installs what :func:`make` pinned."""
    # Not the option --constraint, which does not reach what builds a package. As addresses, in which a space is no end.
    return os.environ | {"PIP_CONSTRAINT": f"{(folder.absolute() / _PINS).as_uri()} {HELD.as_uri()}"}


def python_in(folder: Path) -> Path:
    """Return the Python of environment *folder*."""
    return folder.absolute() / "bin" / "python"


def installed(folder: Path) -> dict[str, str]:
    """Return the version of every package in environment *folder*, by its normal name."""
    command = [str(python_in(folder)), "-m", "pip", "--disable-pip-version-check", "list", "--format=json"]
    listed = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return {normal(package["name"]): package["version"] for package in listed}


def normal(name: str) -> str:
    """Return the spelling of a package's *name* that all its spellings share."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _find_python(version: str) -> str:
    # A name on the path may be that of a launcher which has no such Python.
    ask = "import sys; print('%d.%d' % sys.version_info[:2])"
    for name in (f"python{version}", sys.executable, "python3"):
        if path := shutil.which(name):
            answer = subprocess.run([path, "-c", ask], capture_output=True, text=True, check=False)
            if answer.stdout.strip() == version:
                return path
    raise SystemExit(f"needs Python {version}, the oldest supported, as python{version} on the path")
