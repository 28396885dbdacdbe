"""What is installed, what is missing and what it is for; needs nothing but Python, so that it can always tell."""

from __future__ import annotations

import configparser
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from mimesim import __version__

__all__ = ["Check", "State", "examine", "healthy", "requirements", "title"]

State = Literal["ok", "missing", "wrong"]

#: Programs by what they are for; the first of each that is found counts.
_PROGRAMS = {
    "Icarus Verilog": (("iverilog",), "tests of rtl/"),
    "Chromium": (("chromium", "chromium-browser", "google-chrome"), "tests of pages in a browser"),
    "make": (("make",), "make run, make test"),
}

#: In which of these files or folders ``mimesim train`` finds an image set (``docs/data.md``).
_IMAGE_SETS = {
    "cifar10": ("cifar10.npz", "cifar-10-batches-py", "cifar-10-python.tar.gz"),
    "cifar100": ("cifar100.npz", "cifar-100-python", "cifar-100-python.tar.gz"),
    "fashion_mnist": ("FashionMNIST/raw",),
    "tinyimagenet100": ("tinyimagenet100_jpeg.npz", "tiny-imagenet-200", "tiny-imagenet-200.zip"),
}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked for: where it belongs, its name, what was found, and whether a run needs it."""

    group: str
    name: str
    state: State
    found: str
    needed: bool = False


def examine(devices: bool = False) -> Iterator[Check]:
    """Yield what there is, one thing at a time; *devices* asks PyTorch what it can compute on, which takes seconds."""
    yield from _packages()
    yield from _devices(devices)
    for name, (commands, purpose) in _PROGRAMS.items():
        path = next(filter(None, map(shutil.which, commands)), None)
        yield Check("programs", name, "ok" if path else "missing", f"{path or 'not on the path'} ({purpose})")
    yield from _images()
    yield _writable("results", "out", Path("out"))
    yield from _shipped()


def healthy(checks: list[Check]) -> bool:
    """Tell whether nothing is missing that a run needs."""
    return all(check.state == "ok" for check in checks if check.needed)


def requirements() -> tuple[str, dict[str, dict[str, str]]]:
    """Return the versions of Python, and by extra (``core`` first) those of each package, as mimesim declares them."""
    tree = Path(__file__).resolve().parents[1] / "setup.cfg"
    if tree.is_file():
        # A source tree may have moved on since it was installed.
        parser = configparser.ConfigParser()
        parser.read(tree, encoding="utf-8")
        options = parser["options"]
        texts = {"core": options["install_requires"], **parser["options.extras_require"]}
        found = {group: dict(map(_split, text.split())) for group, text in texts.items()}
        return options["python_requires"], found
    package = metadata.metadata("mimesim")
    groups: dict[str, dict[str, str]] = {"core": {}}
    for line in package.get_all("Requires-Dist") or []:
        requirement, _, marker = line.partition(";")
        extra = re.search(r"extra == ['\"](\w+)['\"]", marker)
        name, specifier = _split(requirement.replace(" ", ""))
        groups.setdefault(extra[1] if extra else "core", {})[name] = specifier
    return package["Requires-Python"], groups


def _packages() -> Iterator[Check]:
    python, groups = requirements()
    here = platform.python_version()
    yield Check("core", "Python", "ok" if _within(here, python) else "wrong", f"{here} ({python})", needed=True)
    for group, packages in groups.items():
        for package, specifier in packages.items():
            try:
                version = metadata.version(package)
            except metadata.PackageNotFoundError:
                how = "pip install mimesim" if group == "core" else f"pip install 'mimesim[{group}]'"
                yield Check(group, package, "missing", f"({specifier}): {how}", needed=group == "core")
                continue
            state: State = "ok" if _within(version, specifier) else "wrong"
            yield Check(group, package, state, f"{version} ({specifier})", needed=group == "core")


def _split(requirement: str) -> tuple[str, str]:
    name = re.split("[<>=]", requirement, maxsplit=1)[0]
    # The lower bound first, however it was written.
    return name, ",".join(sorted(requirement[len(name) :].split(","), reverse=True))


def _within(version: str, specifier: str) -> bool:
    """Tell whether *version* is at least, and less than, what *specifier* says; no other bounds are declared."""
    for bound in specifier.split(","):
        limit = bound.lstrip("<>=")
        if bound.startswith(">=") != (_numbers(version) >= _numbers(limit)):
            return False
    return True


def _numbers(version: str) -> list[int]:
    released = re.split(r"[^\d.]", version, maxsplit=1)[0]
    numbers = [int(number) for number in released.split(".") if number]
    while numbers and not numbers[-1]:
        numbers.pop()
    return numbers


def _devices(ask: bool) -> Iterator[Check]:
    if find_spec("torch") is None:
        return
    if ask:
        from mimesim.training.device import pick_device, precision

        device = pick_device()
        yield Check("devices", "PyTorch", "ok", f"computes on {device.type} ({precision(device)})")
        return
    driver = shutil.which("nvidia-smi") or (Path("/dev/nvidiactl").exists() and "/dev/nvidiactl")
    yield Check("devices", "CUDA", "ok" if driver else "missing", f"{driver or 'no driver'} (mimesim train)")
    apple = sys.platform == "darwin" and platform.machine() == "arm64"
    yield Check(
        "devices", "MPS", "ok" if apple else "missing", f"{'' if apple else 'no '}Apple silicon (mimesim train)"
    )


def _images() -> Iterator[Check]:
    named = os.environ.get("MIMESIM_DATA")
    folder = Path(named).expanduser() if named else Path.home() / ".cache" / "mimesim"
    if named and not folder.is_dir():
        yield Check("image sets", "MIMESIM_DATA", "wrong", f"{named} is not a folder")
        return
    yield _writable("image sets", "MIMESIM_DATA" if named else "folder", folder)
    for name, layouts in _IMAGE_SETS.items():
        found = next((folder / layout for layout in layouts if (folder / layout).exists()), None)
        how = f"downloaded into {folder} when mimesim train asks for it"
        yield Check("image sets", name, "ok" if found else "missing", str(found or how))
    has_digits = find_spec("sklearn") is not None
    yield Check("image sets", "digits", "ok" if has_digits else "missing", "come with scikit-learn")


def _writable(group: str, name: str, folder: Path) -> Check:
    nearest = folder.absolute()
    while not nearest.exists():
        nearest = nearest.parent
    writable = nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
    state: State = "ok" if writable else "wrong"
    return Check(group, name, state, f"{folder}{'' if writable else f': {nearest} is not writable'}")


def _shipped() -> Iterator[Check]:
    """Yield the shipped workloads, with every mask that they replay."""
    try:
        from mimesim.config import load_workload, shipped_folder
        from mimesim.errors import MimesimError
        from mimesim.inputs import load_traces
    except ImportError as error:
        yield Check("shipped", "workloads", "missing", f"cannot be looked at without {error.name}", needed=True)
        return
    for path in sorted(shipped_folder().glob("*.yaml")):
        try:
            workload = load_workload(path)
            load_traces(workload)
        except (MimesimError, OSError) as error:
            yield Check("shipped", path.stem, "wrong", str(error), needed=True)
        else:
            yield Check("shipped", path.stem, "ok", f"traces {', '.join(workload.traces)}", needed=True)
    if not (shipped_folder() / "tiny.yaml").is_file():
        yield Check("shipped", "tiny", "missing", f"not in {shipped_folder()}", needed=True)


def title() -> str:
    """Return which mimesim this is, where, and on what."""
    return f"mimesim {__version__} in {Path(__file__).resolve().parent}, {platform.system()} {platform.machine()}"
