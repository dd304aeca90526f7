# Scoring and picking in one call, for scripts and notebooks.

from __future__ import annotations

import sys
from typing import Any, Iterable, Union

from ripe._files import PathLike, find_checkpoints
from ripe.errors import CheckpointExcluded, RipeError
from ripe.session import Session
from ripe.table import ScoreTable


def score(
    checkpoints: Union[PathLike, Iterable[PathLike]], target: Any, *, progress: bool = True, **options: Any
) -> ScoreTable:
    """Scores checkpoints on target images.

    checkpoints: a folder, files, or a pattern such as "runs/*.pt".
    target: the images, as `ripe score --target` takes them.
    progress: whether to tell on the error output which checkpoint is at work.
    options: the options of `ripe score`: `image_size=128`, `preset="paper"`, `no_cache=True`, ...

    Files that cannot be scored are in the table's `excluded`. Raises RipeError when none can be.
    """
    paths = find_checkpoints(checkpoints)
    if not paths:
        raise RipeError(f"no checkpoints in {checkpoints}")
    with Session(target, **options) as session:
        reasons: list[str] = []
        for number, path in enumerate(paths):
            if progress:
                print(f"ripe: {number + 1}/{len(paths)} {path}", file=sys.stderr)
            try:
                session.score(path)
            except CheckpointExcluded as error:
                reasons.append(str(error))
        if len(reasons) == len(paths):
            raise CheckpointExcluded("; ".join(reasons))
        return session.table()


def pick(checkpoints: Union[PathLike, Iterable[PathLike]], target: Any, **options: Any) -> str:
    """The path of the recommended checkpoint. Raises RipeError when nothing can be recommended."""
    table = score(checkpoints, target, **options)
    if table.pick is None:
        raise RipeError(table.sentence)
    return table.pick.path
