# Keyword arguments as the options of `ripe score`: image_size=128 becomes --image-size 128.

from __future__ import annotations

import os
from typing import Any, Iterable

# Options of `ripe score`, as keywords. A name that is none of them is refused before a training starts, not
# hours later.
FLAGS = frozenset(["keep_empty", "no_cache"])
VALUES = frozenset(
    """arch batch cache channel distance draws fit graph image_size jitter_per level loss margin negatives
    normalize
    pooling preset rule seed slice_axis split temperature threads token_pooling""".split()
)
REPEATED = frozenset(["arch_option", "target", "views"])
PATHS = frozenset(["cache", "graph", "target", "views"])


def option_strings(**options: Any) -> list[str]:
    """The options as `ripe score` takes them on its command line.

    True is a flag, None and False leave an option out. Lists are joined by commas (`margin=[0, 0.5]`), sizes
    by `x` (`image_size=(224, 192)`); `target`, `views` and `arch_option` are given again for each element,
    and `arch_option` may be a dictionary.

    Raises TypeError for a name that is no option, or a flag with a value.
    """
    strings: list[str] = []
    for name, value in options.items():
        check_name(name)
        if value is None or value is False:
            continue
        option = "--" + name.replace("_", "-")
        if name in FLAGS:
            if value is not True:
                raise TypeError(f"{name} is a flag: True or False, not {value!r}")
            strings.append(option)
        elif name in REPEATED:
            for element in _elements(value):
                strings += [option, _text(element)]
        else:
            strings += [option, _joined(name, value)]
    return strings


def check_name(name: str) -> None:
    """Raises TypeError for what is no option of `ripe score`."""
    if name not in FLAGS | VALUES | REPEATED:
        known = ", ".join(sorted(FLAGS | VALUES | REPEATED))
        raise TypeError(f"there is no option '{name}'; known are {known}")


def absolute_paths(options: dict[str, Any]) -> dict[str, Any]:
    """The options with absolute paths, for training code that changes the working directory on its way."""

    def absolute(value: Any) -> Any:
        if isinstance(value, (str, os.PathLike)):
            return os.path.abspath(value)
        return [os.path.abspath(element) for element in value]

    return {
        name: absolute(value) if name in PATHS and value is not None else value
        for name, value in options.items()
    }


def _elements(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return [f"{key}={_text(entry)}" for key, entry in value.items()]
    return [value] if isinstance(value, (str, bytes, os.PathLike)) else value


def _joined(name: str, value: Any) -> str:
    if not isinstance(value, (list, tuple)):
        return _text(value)
    return ("x" if name == "image_size" else ",").join(_text(element) for element in value)


def _text(value: Any) -> str:
    return os.fsdecode(value) if isinstance(value, (bytes, os.PathLike)) else str(value)
