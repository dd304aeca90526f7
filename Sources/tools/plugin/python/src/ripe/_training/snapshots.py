# Writes snapshots of the weights in a thread, so that a slow disk does not hold the training up.

from __future__ import annotations

import os
import threading
import time
from typing import Callable, Optional


class SnapshotWriter:
    """Writes one file at a time.

    While one is being written the next is refused: a slow disk must not pile up copies of the weights.
    """

    def __init__(self) -> None:
        self._thread: Optional[threading.Thread] = None

    def write(
        self,
        path: str,
        save: Callable[[str], None],
        done: Callable[[], None],
        failed: Callable[[Exception], None],
    ) -> bool:
        """Calls `save` with a temporary name in a thread and renames the file to `path`.

        done, failed: called by that thread afterwards.
        Says whether it was taken; it is not while another file is being written.
        """
        if self._thread and self._thread.is_alive():
            return False

        def run() -> None:
            try:
                write_aside(path, save)
            except Exception as error:
                failed(error)
            else:
                done()

        self._thread = threading.Thread(target=run, name="ripe-snapshot", daemon=True)
        self._thread.start()
        return True

    def wait(self, timeout: float) -> bool:
        """Waits until nothing is being written, `timeout` seconds at most; says whether that is so."""
        if self._thread:
            self._thread.join(timeout)
            return not self._thread.is_alive()
        return True


def write_aside(path: str, save: Callable[[str], None]) -> None:
    """Calls `save` with a temporary name in the folder, made if need be, and renames the file to `path`."""
    folder, name = os.path.split(path)
    stem, extension = os.path.splitext(name)
    # The extension stays, because Keras chooses the format by it; `.tmp-` tells readers that it is not
    # complete.
    temporary = os.path.join(folder, f"{stem}.tmp-{os.getpid()}{extension}")
    os.makedirs(folder, exist_ok=True)
    try:
        save(temporary)
        os.replace(temporary, path)
    except BaseException:
        try:
            os.unlink(temporary)
        except OSError:
            pass
        raise


def seconds_left(deadline: float) -> float:
    """The seconds until a time of `time.monotonic`, at least 0."""
    return max(0.0, deadline - time.monotonic())
