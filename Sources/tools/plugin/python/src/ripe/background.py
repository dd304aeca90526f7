# Scores checkpoints in a process of its own while this one trains.

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from typing import Any, Callable, Optional, Sequence

from ripe import events
from ripe._dispatcher import Answer, Dispatcher, Request
from ripe._options import absolute_paths, option_strings
from ripe.events import ScoreEvent
from ripe.session import PathLike
from ripe.table import ScoreTable


class BackgroundScorer:
    """Scores checkpoints in a process of its own. Nothing here but `finish`, `table` and `write` ever waits.

        scorer = BackgroundScorer("scans/", image_size=128)
        for epoch in range(1, 101):
            train_one_epoch()
            torch.save(model.state_dict(), f"epoch_{epoch:04d}.pt")
            scorer.submit(f"epoch_{epoch:04d}.pt", epoch=epoch)
            for event in scorer.poll():
                print(event.epoch, event.score, event.message)
        scorer.finish()
        print(scorer.table())
        scorer.close()

    While one checkpoint is scored, up to `queue_size` wait. When one more comes, the one that has waited
    longest is skipped. So the newest is never skipped: it is what a decision to stop needs, and the last of
    all is what every other is compared with in the end.

    If the process dies it is started again once; if that dies too, scoring ends. Both are told as events, and
    the training goes on. In a process that was forked from this one, every method does nothing.
    """

    def __init__(
        self,
        target: Any,
        *,
        threads: int = 1,
        nice: int = 19,
        cores: Optional[Sequence[int]] = None,
        queue_size: int = 2,
        patience: Optional[int] = None,
        min_epochs: int = 0,
        confidence: float = 0.95,
        out: Optional[PathLike] = None,
        **options: Any,
    ):
        """Starts the process and lets it read the images; returns at once.

        target: the images, as `ripe score --target` takes them.
        threads: of the scoring process.
        nice: by how much its priority is lowered, 0 to 19. With 19, the default, it gets about a seventieth
            of a core that the training wants as well; on a core that is free it makes no difference.
        cores: the processor cores that it stays on; those of this process, if None.
        queue_size: how many checkpoints may wait, not counting the one at work.
        patience, min_epochs, confidence: the stopping rule, see `Session.should_stop`; not asked if
            `patience` is None.
        out: a folder in which scores.json, scores.csv, scores.svg and report.html are kept up to date.
        options: the other options of `ripe score`.

        Raises TypeError for a name that is no option, ValueError for a number out of range. All else is told
        by events.
        """
        if queue_size < 1 or threads < 1 or not 0 <= nice <= 19:
            raise ValueError("queue_size and threads must be at least 1, nice from 0 to 19")
        options = absolute_paths({"target": target, **options})
        opening = {
            "do": "open",
            "options": option_strings(threads=threads, **options),
            "out": os.path.abspath(out) if out is not None else None,
        }
        self._rule = None
        if patience:
            self._rule = {"patience": patience, "min_epochs": min_epochs, "confidence": confidence}
        self._owner = os.getpid()
        self._last_writing_problem: Optional[str] = None
        settings = {"threads": threads, "nice": nice, "cores": cores}
        self._dispatcher = Dispatcher(opening, settings, queue_size)
        atexit.register(_close_if_alive, weakref.ref(self))

    # For the training

    def submit(self, path: PathLike, epoch: Optional[int] = None, step: Optional[int] = None) -> bool:
        """Asks for the score of a complete checkpoint file. Returns at once: whether it was taken.

        epoch, step: what it is called in events; None leaves it to the file.

        A file of the same name that still waits is taken for replaced by this one.
        """
        return self._is_own() and self._dispatcher.score(self._request(path, epoch, step, is_told=True))

    def recall(self, path: PathLike, epoch: Optional[int] = None, step: Optional[int] = None) -> None:
        """Takes up a checkpoint of an earlier run from the cache, without an event. Returns at once."""
        if self._is_own():
            self._dispatcher.order(self._request(path, epoch, step, is_told=False))

    def poll(self) -> list[ScoreEvent]:
        """What has happened since the last call. Returns at once."""
        found: list[ScoreEvent] = []
        while self._is_own() and self._dispatcher.events:
            found.append(self._dispatcher.events.popleft())
        return found

    @property
    def is_off(self) -> bool:
        """Whether scoring has ended for good, after a failure or `close`."""
        return not self._is_own() or self._dispatcher.off is not None

    @property
    def pending(self) -> int:
        """How many checkpoints wait or are at work."""
        return self._dispatcher.pending if self._is_own() else 0

    @property
    def process_id(self) -> Optional[int]:
        """The scoring process's number, None when there is none."""
        process = self._dispatcher.process
        return process.process_id if process else None

    def forget(self, path: PathLike) -> None:
        """Forgets a checkpoint, such as one that was deleted. Returns at once."""
        if self._is_own():
            path = os.path.abspath(path)
            self._dispatcher.forget(path)
            self._dispatcher.order(Request({"do": "forget", "path": path}, lambda answer: None))

    # For the end

    def finish(self, timeout: float = 600, on_wait: Optional[Callable[[int, float], None]] = None) -> bool:
        """Waits until every checkpoint that was taken is scored; says whether that is so.

        timeout: in seconds.
        on_wait: called every ten seconds with how many are left and how many seconds have passed.
        """
        if not self._is_own():
            return False
        began = time.monotonic()
        with self._dispatcher.changed:
            while self.pending and not self.is_off:
                passed = time.monotonic() - began
                if passed >= timeout:
                    return False
                if not self._dispatcher.changed.wait(min(10.0, timeout - passed)) and on_wait:
                    on_wait(self.pending, time.monotonic() - began)
            return not self.is_off

    def table(self, timeout: float = 60) -> Optional[ScoreTable]:
        """Everything that is known so far; None when it is not to be had within `timeout` seconds."""
        answer = self._ask({"do": "table"}, timeout)
        return ScoreTable(answer["table"]) if answer and answer["ok"] else None

    def write(self, folder: PathLike, timeout: float = 60) -> bool:
        """Writes scores.json, scores.csv, scores.svg and report.html; says whether that was done in time."""
        answer = self._ask({"do": "write", "folder": os.path.abspath(folder)}, timeout)
        if answer and not answer["ok"]:
            self._tell(ScoreEvent(events.FAILED, message=answer["message"]))
        return bool(answer and answer["ok"])

    def close(self, timeout: float = 5) -> None:
        """Ends the process, whatever it does, within about `timeout` seconds. Twice does no harm."""
        if self._is_own():
            self._dispatcher.close(timeout)

    def __enter__(self) -> BackgroundScorer:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _is_own(self) -> bool:
        # Looked at before any lock: after a fork a thread of the parent may have held it for ever.
        return os.getpid() == self._owner

    def _tell(self, event: ScoreEvent) -> None:
        self._dispatcher.events.append(event)

    def _request(self, path: PathLike, epoch: Optional[int], step: Optional[int], is_told: bool) -> Request:
        def answered(answer: Answer) -> None:
            if answer and answer["ok"]:
                self._dispatcher.remember(request)
            if answer and is_told:
                self._tell_of(request, answer)

        message = {"do": "score", "path": os.path.abspath(path), "rule": self._rule}
        request = Request(message, answered, epoch, step)
        return request

    def _tell_of(self, request: Request, answer: dict[str, Any]) -> None:
        if not answer["ok"]:
            kind = events.EXCLUDED if answer["error"] == "excluded" else events.FAILED
            self._tell(request.event(kind, answer["message"]))
            return
        self._tell(events.scored(answer, request.epoch, request.step))
        problem = answer["writing"]
        if problem and problem != self._last_writing_problem:
            self._tell(ScoreEvent(events.FAILED, message=f"the results cannot be written: {problem}"))
        self._last_writing_problem = problem

    def _ask(self, message: dict[str, Any], timeout: float) -> Answer:
        """The answer to a request that goes before the waiting checkpoints; None if there is none in time."""
        ready = threading.Event()
        answers: list[Answer] = []

        def answered(answer: Answer) -> None:
            answers.append(answer)
            ready.set()

        if not self._is_own() or not self._dispatcher.order(Request(message, answered)):
            return None
        ready.wait(timeout)
        return answers[0] if answers else None


def _close_if_alive(reference: weakref.ref[BackgroundScorer]) -> None:
    scorer = reference()
    if scorer is not None:
        scorer.close(timeout=2)
