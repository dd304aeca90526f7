# Hands requests to the worker one at a time, bounds what waits, and starts the worker again when it dies.

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Any, Callable, Optional

from ripe import events
from ripe._process import WorkerProcess
from ripe.events import ScoreEvent

Answer = Optional[dict[str, Any]]


@dataclass(eq=False)
class Request:
    """A line for the worker. `answered` is called with its answer, or with None if there will be none."""

    message: dict[str, Any]
    answered: Callable[[Answer], None]
    epoch: Optional[int] = None
    step: Optional[int] = None

    @property
    def path(self) -> str:
        """The checkpoint that it is about; empty for requests about none."""
        return self.message.get("path", "")

    @property
    def scores(self) -> bool:
        """Whether it asks for a score."""
        return self.message["do"] == "score"

    def event(self, kind: str, message: str) -> ScoreEvent:
        """What to tell of it."""
        return ScoreEvent(kind, self.path, self.epoch, self.step, message)


class Dispatcher:
    """The queue before a worker. All methods return at once but `wait` and `close`.

    Two threads use it: the training's, and the one that reads the worker's answers. `changed` guards all that
    both touch; methods whose name begins with an underscore are called with it held.
    """

    def __init__(self, opening: dict[str, Any], settings: dict[str, Any], capacity: int):
        """Starts the worker.

        opening: the worker's first request.
        settings: how to start it, see `WorkerProcess`.
        capacity: how many checkpoints may wait, not counting the one at work.
        """
        self.changed = threading.Condition()
        self.events: deque[ScoreEvent] = deque()
        self.off: Optional[str] = None  # why scoring has ended for good
        self.process: Optional[WorkerProcess] = None
        self._opening, self._settings, self._capacity = opening, settings, capacity
        self._orders: deque[Request] = deque()  # go before checkpoints, and are never skipped
        self._waiting: deque[Request] = deque()
        self._running: Optional[Request] = None
        # Scored checkpoints in their order: what a new process has to be told.
        self._known: dict[str, Request] = {}
        self._restarts_left = 1
        with self.changed:
            self._start()

    @property
    def pending(self) -> int:
        """How many checkpoints wait or are at work."""
        running = self._running
        return len(self._waiting) + (running is not None and running.scores)

    def score(self, request: Request) -> bool:
        """Takes a request to score; says whether it was taken."""
        with self.changed:
            if self.off is not None:
                return False
            for waiting in [waiting for waiting in self._waiting if waiting.path == request.path]:
                self._skip(waiting, "it was replaced before it was scored")
            self._waiting.append(request)
            self._go_on()
            if len(self._waiting) > self._capacity:
                why = f"scoring is slower than checkpoints come, and {self._capacity} newer ones wait"
                self._skip(self._waiting[0], why)
            return True

    def order(self, request: Request) -> bool:
        """Takes a request that goes before the waiting checkpoints; says whether it was taken."""
        with self.changed:
            if self.off is not None:
                return False
            self._orders.append(request)
            self._go_on()
            return True

    def remember(self, request: Request) -> None:
        """Notes that a checkpoint is scored."""
        self._known[request.path] = request

    def forget(self, path: str) -> None:
        """Takes a checkpoint out of what a new process is told."""
        with self.changed:
            self._known.pop(path, None)

    def end(self, why: str) -> None:
        """Ends scoring for good and says why."""
        with self.changed:
            if self.off is None:
                self.events.append(
                    ScoreEvent(
                        events.OFF,
                        message=f"{why}; checkpoints are no longer scored, the training goes on",
                    )
                )
                self._end(why)

    def close(self, timeout: float) -> None:
        """Ends the worker, whatever it does. Takes at most about `timeout` seconds."""
        with self.changed:
            process, self.process = self.process, None
            if self.off is None:
                self._end("the scorer was closed")
        if process:
            process.end(timeout)

    def _skip(self, request: Request, why: str) -> None:
        self._waiting.remove(request)
        self.events.append(request.event(events.SKIPPED, f"{request.path} is not scored: {why}"))

    def _go_on(self) -> None:
        """Hands the next request to the worker, if it has none."""
        if self._running or self.process is None or self.off is not None:
            return
        for queue in (self._orders, self._waiting):
            if queue:
                self._running = queue.popleft()
                try:
                    self.process.send(self._running.message)
                except OSError:
                    pass  # it is gone, and its reader is about to say so
                return

    def _start(self) -> None:
        def opened(answer: Answer) -> None:
            if answer is not None and not answer["ok"]:
                self.end(answer["message"])

        self._orders.appendleft(Request(self._opening, opened))
        try:
            self.process = WorkerProcess(self._on_answer, self._on_end, **self._settings)
        except OSError as error:
            self.end(f"the scoring process does not start: {error}")
            return
        self._go_on()

    def _end(self, why: str) -> None:
        self.off = why
        for request in [self._running, *self._orders, *self._waiting]:
            if request:
                request.answered(None)
        self._running = None
        self._orders.clear()
        self._waiting.clear()
        if self.process:
            self.process.dismiss()
        self.changed.notify_all()

    def _on_answer(self, answer: dict[str, Any]) -> None:
        """Called by the reading thread, without the lock."""
        with self.changed:
            request, self._running = self._running, None
            if request:
                request.answered(answer)
            self._go_on()
            self.changed.notify_all()

    def _on_end(self, cause: str) -> None:
        """Called by the reading thread, without the lock, when the worker has ended."""
        with self.changed:
            self.process = None
            if self.off is not None:
                return
            request, self._running = self._running, None
            if request and request.scores:
                # It is not tried again: a file that ended one process would end the next.
                self.events.append(
                    request.event(events.FAILED, f"{request.path}: the scoring process {cause}")
                )
            elif request and request.message["do"] != "open":
                self._orders.appendleft(request)
            if self._restarts_left == 0:
                self.end(f"the scoring process {cause}")
            else:
                self._restarts_left -= 1
                self._start_again()
            self.changed.notify_all()

    def _start_again(self) -> None:
        # A new session knows nothing: what is known comes out of the cache of finished scores, without new
        # events.
        for request in reversed(list(self._known.values())):
            self._orders.appendleft(Request(request.message, lambda answer: None))
        self._start()
