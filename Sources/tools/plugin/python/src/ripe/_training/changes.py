# Notices new and replaced checkpoint files.

from __future__ import annotations

import os
import time
from typing import Callable, Iterable, Optional

from ripe._files import find_checkpoints

_SETTLED_AFTER = 2.0  # seconds without a change after which a file counts as complete
_BETWEEN_LOOKS = 1.0  # seconds


class FileChanges:
    """Which of some files are new, or have been replaced, since they were last asked for."""

    def __init__(self, list_files: Callable[[], Iterable[str]]):
        """list_files: the files that there are at the moment. What is there now is passed over."""
        self._list_files = list_files
        self._taken: dict[str, tuple[int, ...]] = {}
        self._seen: dict[str, tuple[int, ...]] = {}
        self._next_look = 0.0
        for path in list_files():
            signature = _signature(path)
            if signature is not None:
                self._taken[path] = signature

    def fresh(self, look_now: bool = False, are_complete: bool = False) -> list[str]:
        """The new and replaced files that are complete, each told once. Looks once a second at most.

        look_now: look in any case.
        are_complete: all files are; otherwise one is when it has not changed for two seconds or since the
            last look.
        """
        now = time.monotonic()
        if now < self._next_look and not look_now:
            return []
        self._next_look = now + _BETWEEN_LOOKS
        return [path for path in self._list_files() if self._is_fresh(path, are_complete)]

    def _is_fresh(self, path: str, is_complete: bool) -> bool:
        signature = _signature(path)
        if signature is None or self._taken.get(path) == signature:
            return False
        age = time.time() - signature[0] / 1e9
        is_complete = is_complete or age > _SETTLED_AFTER or self._seen.get(path) == signature
        self._seen[path] = signature
        if is_complete:
            self._taken[path] = signature
        return is_complete


class FolderWatch:
    """The checkpoints that appear in a folder or under a pattern, but for those that are there already."""

    def __init__(self, pattern: str):
        self.problem: Optional[str] = None
        self._pattern = pattern
        self._changes = FileChanges(self._listed)

    def fresh(self, is_last: bool = False) -> list[str]:
        """New and replaced files that are complete; all of them at the last look."""
        return self._changes.fresh(look_now=is_last, are_complete=is_last)

    def _listed(self) -> list[str]:
        """The files that are there; `problem` says why there are none where the folder cannot be read."""
        is_pattern = any(letter in self._pattern for letter in "*?[")
        if not is_pattern and not os.path.exists(self._pattern):
            self.problem = f"{self._pattern} is not there; it is looked for again"
            return []
        try:
            found = find_checkpoints(self._pattern)
        except OSError as error:
            self.problem = f"{self._pattern}: {error.strerror}; it is looked at again"
            return []
        self.problem = None
        return found


def _signature(path: str) -> Optional[tuple[int, ...]]:
    try:
        facts = os.stat(path)
    except OSError:
        return None
    return (facts.st_mtime_ns, facts.st_size, facts.st_ino)
