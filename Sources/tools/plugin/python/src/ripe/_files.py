# Finds checkpoint files in folders and patterns.

from __future__ import annotations

import glob
import os
import re
from typing import Iterable, Union

PathLike = Union[str, "os.PathLike[str]"]

EXTENSIONS = (".pt", ".pth", ".ckpt", ".bin", ".safetensors", ".h5", ".hdf5", ".keras", ".onnx", ".npz")
# What training code keeps beside the weights; never a model.
_OTHER_STATES = (
    "optimizer",
    "scheduler",
    "scaler",
    "rng_state",
    "random_states",
    "training_args",
    "trainer_state",
)


def find_checkpoints(places: Union[PathLike, Iterable[PathLike]]) -> list[str]:
    """The checkpoint files that paths, folders and patterns stand for, each once.

    Of a folder these are the files with a checkpoint's extension and those of its subfolders such as
    `checkpoint-500/`; they are ordered by their names, numbers in them by size. What was named is taken as it
    is.
    """
    if isinstance(places, (str, os.PathLike)):
        places = [places]
    found: list[str] = []
    for place in map(os.fspath, places):
        if os.path.isdir(place):
            found += _in_folder(place)
        elif not os.path.exists(place) and any(letter in place for letter in "*?["):
            for match in sorted(glob.glob(place), key=natural_order):
                found += _in_folder(match) if os.path.isdir(match) else [match]
        else:
            found.append(place)
    return list(dict.fromkeys(found))


def natural_order(path: str) -> list[Union[str, int]]:
    """A sorting key by which `epoch_9` comes before `epoch_10`."""
    parts = re.split(r"(\d+)", path)
    return [int(part) if place % 2 else part for place, part in enumerate(parts)]


def is_checkpoint(path: str) -> bool:
    """Whether a file's name is that of a finished checkpoint."""
    name = os.path.basename(path).lower()
    return name.endswith(EXTENSIONS) and ".tmp-" not in name and not name.startswith((".", *_OTHER_STATES))


def _in_folder(folder: str) -> list[str]:
    names = sorted(os.listdir(folder), key=natural_order)
    files = [
        path for name in names if is_checkpoint(path := os.path.join(folder, name)) and os.path.isfile(path)
    ]
    for name in names:
        below = os.path.join(folder, name)
        if os.path.isdir(below) and re.search(r"(epoch|step|checkpoint)[-_=]?\d", name, re.IGNORECASE):
            entries = sorted(os.listdir(below), key=natural_order)
            files += [os.path.join(below, entry) for entry in entries if is_checkpoint(entry)]
    return sorted(files, key=natural_order)
