"""Where images come from: the sets that mimesim trains on, by name (``docs/data.md``).

``MIMESIM_DATA`` names the folder; without it, ``~/.cache/mimesim``, which is made. A set that is not there is
downloaded from its public address and checked. Besides the public layouts a folder may hold the project's own subsets:
``cifar10.npz``, ``cifar100.npz`` and ``tinyimagenet100_jpeg.npz`` with ``tinyimagenet100_more_jpeg.npz``; from the
public sets, index lists draw the same images in the same order.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from mimesim.errors import InputError
from mimesim.training.data import ImageSet
from mimesim.training.sources.arrays import Split, reason
from mimesim.training.sources.cifar import cifar
from mimesim.training.sources.digits import digits, parity
from mimesim.training.sources.fashion_mnist import fashion_mnist
from mimesim.training.sources.tiny_imagenet import tinyimagenet100

__all__ = ["DATASETS", "TITLES", "check_name", "data_folder", "load_dataset"]

DATASETS: dict[str, Callable[[Path, Split, bool], ImageSet]] = {
    "cifar10": cifar(10),
    "cifar100": cifar(100),
    "digits": digits,
    "digits_parity": parity,
    "fashion_mnist": fashion_mnist,
    "tinyimagenet100": tinyimagenet100,
}
"""From a folder, a split and whether only the project's subset is wanted to the images."""

TITLES = {
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
    "digits": "scikit-learn digits",
    "digits_parity": "scikit-learn digits, odd or even",
    "fashion_mnist": "Fashion-MNIST",
    "tinyimagenet100": "Tiny-ImageNet-100",
}


def data_folder() -> Path:
    """The folder of the image sets; one that the user names must exist."""
    named = os.environ.get("MIMESIM_DATA")
    if named:
        folder = Path(named).expanduser()
        if not folder.is_dir():
            raise InputError(
                "MIMESIM_DATA",
                "is not a folder; create it (missing image sets are downloaded into it) or unset MIMESIM_DATA",
                value=named,
            )
        return folder
    folder = Path.home() / ".cache" / "mimesim"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        rule = f"the folder of image sets cannot be made ({error.strerror}); name another in MIMESIM_DATA"
        raise InputError(str(folder), rule) from error
    return folder


def check_name(name: str) -> None:
    """Refuse what is no image set."""
    if name not in DATASETS:
        raise InputError("dataset", f"is not known; there are {', '.join(sorted(DATASETS))}", value=name)


def load_dataset(name: str, split: Split, subset: bool = True) -> ImageSet:
    """The images of a split at their own size, three channels (grey is repeated).

    With *subset*, the project's balanced choice of them, in its order, whatever layout they come from; without, all.
    Fashion-MNIST and the digits are always whole. Whatever is wrong with the data is one ``InputError``.
    """
    check_name(name)
    folder = data_folder()
    try:
        return DATASETS[name](folder, split, subset)
    except OSError as error:
        raise InputError(str(folder), f"cannot be read ({reason(error)}); give leave, or set MIMESIM_DATA") from error
