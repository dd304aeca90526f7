# A session: target images with their views, and the scores of the checkpoints seen so far, in this process.

from __future__ import annotations

import json
import os
import threading
from contextlib import contextmanager
from ctypes import byref, c_int32, c_int64, c_void_p
from dataclasses import dataclass
from typing import Any, Iterator, Optional, Union

from ripe import _library
from ripe._options import option_strings
from ripe._views import Views
from ripe.errors import RipeError, WrongProcess
from ripe.scores import CheckpointScore
from ripe.table import ScoreTable

PathLike = Union[str, "os.PathLike[str]"]


@dataclass(frozen=True)
class StopAdvice:
    """Whether pretraining may stop, and the reason in words. In a condition it is true if it may."""

    stop: bool
    reason: str

    def __bool__(self) -> bool:
        return self.stop


class Session:
    """Scores checkpoints on target images, one after another.

        with Session("scans/", image_size=128) as session:
            for path in paths:
                print(session.score(path))
            print(session.table())

    It works in this process, with as many threads as there are cores unless `threads=` says otherwise. Beside
    a training use a `BackgroundScorer` or one of the callbacks.
    """

    _handle: Optional[c_void_p]
    _library: _library.Library
    _lock: threading.Lock
    _process: int

    def __init__(self, target: Union[PathLike, list[PathLike]], **options: Any):
        """Reads and prepares the images, which takes a while.

        target: the images, as `ripe score --target` takes them; a list stands for several files.
        options: the other options of `ripe score`: `image_size=128`, `no_cache=True`, `margin=[0, 0.5]`, ...

        Raises UsageError for options that make no sense, RipeError where the images cannot be read or the
        library not be loaded, TypeError for a name that is no option.
        """
        self._start()
        arguments = option_strings(target=target, **options)
        self._open("ripe_open", [], arguments)

    @classmethod
    def from_views(cls, first: Any, second: Any, **options: Any) -> Session:
        """A session on given views instead of images.

        first, second: arrays of images x channels x rows x columns, float32 (other numbers are converted
            where the array can do so itself): NumPy arrays, tensors, or anything with the buffer protocol or
            `__array_interface__`. Image i of `second` is another view of image i of `first`. They are scored
            as they are and copied.
        options: as for a target, without what belongs to images.
        """
        session = cls.__new__(cls)
        session._start()
        views = Views(first, second)
        shape = (c_int64 * 4)(*views.shape)
        session._open("ripe_open_views", [views.first, views.second, shape], option_strings(**options))
        return session

    @classmethod
    def from_arguments(cls, arguments: list[str]) -> Session:
        """A session from options as on the command line: ["--target", "scans/", "--image-size", "128"]."""
        session = cls.__new__(cls)
        session._start()
        session._open("ripe_open", [], arguments)
        return session

    def score(self, path: PathLike) -> CheckpointScore:
        """Scores a checkpoint file, or takes its result from the cache.

        A file that was scored before is scored anew if it has changed since. Ctrl-C ends it.

        Raises CheckpointExcluded where the file cannot be scored; the session goes on without it.
        """
        result: list[str] = []

        def call() -> None:
            result.append(self._text("ripe_score", os.fsencode(path)))

        _library.run_interruptibly(call, self._cancel_running)
        return CheckpointScore.from_json(json.loads(result[0]))

    def table(self) -> ScoreTable:
        """Everything that is known: the content of scores.json."""
        return ScoreTable(json.loads(self._text("ripe_table")))

    def pick(self) -> str:
        """The path of the recommended checkpoint. Raises RipeError while nothing can be recommended."""
        path = c_void_p()
        with self._turn() as handle:
            self._library.call("ripe_pick", handle, byref(path), None)
        return self._library.take(path) or ""

    def should_stop(self, patience: int = 3, min_epochs: int = 0, confidence: float = 0.95) -> StopAdvice:
        """Whether pretraining may stop: none of the last `patience` checkpoints beats the best before them.

        "Beats" means by more than the noise, at the given confidence; and the last checkpoint's epoch must be
        at least `min_epochs`. On published tables this rule lost more than it saved: read docs/python.md
        before you follow it.
        """
        stop, reason = c_int32(), c_void_p()
        with self._turn() as handle:
            self._library.call(
                "ripe_should_stop", handle, patience, min_epochs, confidence, byref(stop), byref(reason)
            )
        return StopAdvice(bool(stop.value), self._library.take(reason) or "")

    def write(self, folder: PathLike) -> None:
        """Writes scores.json, scores.csv, scores.svg, report.html and report.json into a folder."""
        with self._turn() as handle:
            self._library.call("ripe_write", handle, os.fsencode(folder))

    def forget(self, path: PathLike) -> None:
        """Forgets a checkpoint, such as one that was deleted. Its cached result stays."""
        with self._turn() as handle:
            self._library.call("ripe_forget", handle, os.fsencode(path))

    def cancel(self) -> None:
        """Makes the call that is running, or else the next one, raise Cancelled. Any thread may call it."""
        handle = self._handle
        if handle is not None and self._is_own():
            self._library.cancel(handle)

    def close(self) -> None:
        """Frees the images. A call that is running is cancelled first. More than once does no harm."""
        if self._handle is None or not self._is_own():
            return
        if not self._lock.acquire(blocking=False):
            self.cancel()
            self._lock.acquire()
        try:
            handle, self._handle = self._handle, None
            if handle is not None:
                self._library.close(handle)
        finally:
            self._lock.release()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_handle", None) is not None:
            self.close()

    def _start(self) -> None:
        self._handle = None
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._library = _library.library()

    def _open(self, function: str, before: list[Any], arguments: list[str]) -> None:
        handle = c_void_p()
        given_up = threading.Event()

        def call() -> None:
            options = _library.options_array(arguments)
            self._library.call(function, *before, options, len(arguments), byref(handle))
            if given_up.is_set():
                self._library.close(handle)

        def give_up() -> bool:
            # Opening cannot be cancelled: the thread finishes it and frees what nobody will use.
            given_up.set()
            return False

        _library.run_interruptibly(call, give_up)
        self._handle = handle

    def _text(self, function: str, *arguments: Any) -> str:
        with self._turn() as handle:
            return self._library.call_for_text(function, handle, *arguments)

    @contextmanager
    def _turn(self) -> Iterator[c_void_p]:
        """The handle, for one call at a time.

        The process is looked at before the lock: after a fork another thread of the parent may have held it
        for ever.
        """
        if not self._is_own():
            raise WrongProcess(
                "the session was opened by another process, before a fork; open one in this process"
            )
        with self._lock:
            if self._handle is None:
                raise RipeError("the session is closed")
            yield self._handle

    def _is_own(self) -> bool:
        return os.getpid() == self._process

    def _cancel_running(self) -> bool:
        # Not between two calls, where it would end the next one, which nobody interrupted.
        if self._lock.locked():
            self.cancel()
        return True
