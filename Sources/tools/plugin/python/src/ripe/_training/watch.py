# The part of a callback that knows no framework: snapshots, scoring, the curve, stopping, the end.

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any, Callable, Optional, Sequence

from ripe import events
from ripe._options import check_name
from ripe._training.changes import FolderWatch
from ripe._training.snapshots import SnapshotWriter, seconds_left, write_aside
from ripe._training.telling import Teller, checkpoints, logger, tell_results, tell_waiting
from ripe.background import BackgroundScorer
from ripe.events import ScoreEvent
from ripe.session import PathLike
from ripe.table import ScoreTable

TRAINER = "trainer"
_SECONDS_FOR_LAST_SNAPSHOT = 5.0


@dataclass(frozen=True)
class Measurement:
    """A point of the curve: what to log, and the epoch and step at which."""

    epoch: Optional[int]
    step: Optional[int]
    metrics: dict[str, float]


class TrainingWatch:
    """Scores a training's checkpoints while it runs.

    An adapter for a trainer calls `start`, then after every epoch `save` or `offer`, whenever it likes
    `results`, and `finish` or `abort`. `is_running` is false before the start, after the end and after a
    failure; the adapter then has nothing to do.

    target: the images, as `ripe score --target` takes them.
    every_n_epochs: how often a snapshot is made.
    folder: where snapshots and results go; by default `ripe` in the trainer's own folder.
    checkpoints: None makes snapshots of the weights; "trainer" scores the checkpoints that the trainer itself
        writes; a folder or pattern scores the files that appear there.
    stop: whether to request a stop when the stopping rule allows it. Off by default for a reason. On the
        tables published with the score, stopping by it lost more than it saved: with a patience of 1, 2 or 3
        checkpoints it trained 32, 107 or 192 of 300 epochs and ended .014, .014 or .012 of Dice below the
        last checkpoint with the encoder fine-tuned, and .035, .031 or .021 with it frozen. Stopping blindly
        after as many epochs lost .012, .007 or .004, and .015, .006 or .001.
    patience, min_epochs, confidence: that rule: none of the last `patience` checkpoints beats the best before
        them by more than the noise, at the confidence, and at least `min_epochs` epochs are trained.
    threads, nice, cores, queue_size: of the scoring process, see `ripe.BackgroundScorer`.
    finish_timeout: how long to wait at the end for scores that are still to come, in seconds.
    options: the other options of `ripe score`: `image_size=128`, `preset="paper"`, ...
    """

    def __init__(
        self,
        target: Any,
        *,
        every_n_epochs: int = 1,
        folder: Optional[PathLike] = None,
        checkpoints: Optional[PathLike] = None,
        stop: bool = False,
        patience: int = 3,
        min_epochs: int = 0,
        confidence: float = 0.95,
        threads: int = 1,
        nice: int = 19,
        cores: Optional[Sequence[int]] = None,
        queue_size: int = 2,
        finish_timeout: float = 600,
        **options: Any,
    ):
        """Raises TypeError, ValueError or FileNotFoundError for what is seen to be wrong before training."""
        for name in options:
            check_name(name)
        for path in [target] if isinstance(target, (str, os.PathLike)) else target:
            if not os.path.exists(path):
                raise FileNotFoundError(f"the target {os.fspath(path)} does not exist")
        if every_n_epochs < 1 or patience < 1:
            raise ValueError("every_n_epochs and patience must be at least 1")
        self.every_n_epochs = every_n_epochs
        self.checkpoints = checkpoints
        self.stop = stop
        self.finish_timeout = finish_timeout
        self._scoring = dict(
            target=target,
            threads=threads,
            nice=nice,
            cores=cores,
            queue_size=queue_size,
            patience=patience if stop else None,
            min_epochs=min_epochs,
            confidence=confidence,
            **options,
        )
        self._given_folder = folder
        self.folder = ""
        self.pick: Optional[str] = None
        self.pick_epoch: Optional[int] = None
        self.stop_reason: Optional[str] = None
        self.table: Optional[ScoreTable] = None
        self._submitted: list[tuple[str, Optional[int], Optional[int]]] = []
        self._being_saved: list[tuple[str, Optional[int], Optional[int]]] = []
        self._recalled: list[Sequence[Any]] = []
        self.teller = Teller()
        self._snapshots = SnapshotWriter()
        self._found: Optional[FolderWatch] = None
        self._scorer: Optional[BackgroundScorer] = None

    # Life

    @property
    def is_running(self) -> bool:
        """Whether there is anything to do."""
        return self._scorer is not None and not self._scorer.is_off

    @property
    def makes_snapshots(self) -> bool:
        """Whether the adapter is to save the weights."""
        return self.checkpoints is None

    def start(self, default_folder: str) -> None:
        """Starts scoring. default_folder: where the trainer keeps its files."""
        self._close()
        self._submitted, self._being_saved, self.stop_reason, self.table = [], [], None, None
        self.teller = Teller()
        self.folder = os.path.abspath(self._given_folder or os.path.join(default_folder, "ripe"))
        if self.checkpoints not in (None, TRAINER):
            self._found = FolderWatch(os.path.abspath(self.checkpoints))
        self._scorer = BackgroundScorer(out=self.folder, **self._scoring)
        for path, epoch, step in self._recalled:
            if os.path.exists(path):
                self._scorer.recall(path, epoch, step)
                self._submitted.append((path, epoch, step))
        self._recalled = []

    def is_due(self, epoch: int) -> bool:
        """Whether a snapshot is to be made after `epoch`, counted from 1."""
        return self.is_running and self.makes_snapshots and epoch % self.every_n_epochs == 0

    def give_up(self, error: Exception) -> None:
        """Ends scoring after a failure of the callback itself, and says so."""
        logger.warning(
            "ripe: %s: %s; checkpoints are no longer scored, the training goes on",
            type(error).__name__,
            error,
        )
        logger.debug("ripe: where that happened", exc_info=error)
        self._close()

    def abort(self) -> None:
        """Ends scoring because the training ended otherwise than planned.

        What is scored is in the folder already. The last snapshot gets a few seconds to reach the disk, for
        a later `ripe score`.
        """
        if self._scorer:
            self.results()
            self._snapshots.wait(_SECONDS_FOR_LAST_SNAPSHOT)
        self._close()

    # Checkpoints

    def save(
        self,
        name: str,
        epoch: int,
        step: Optional[int],
        save: Callable[[str], None],
        *,
        in_thread: bool = True,
    ) -> None:
        """Saves a snapshot and has it scored.

        name: the file's name in the folder, such as epoch_0003.pt.
        save: writes the file of the name that it is called with. In a thread it must not look at the model
            any more.
        """
        path = os.path.join(self.folder, name)
        if not in_thread:
            try:
                write_aside(path, save)
            except Exception as error:
                self._not_saved(path, error)
            else:
                self.offer(path, epoch, step)
            return
        taken = self._snapshots.write(
            path, save, lambda: self.offer(path, epoch, step), lambda error: self._not_saved(path, error)
        )
        if taken:
            self._being_saved = [(path, epoch, step)]
        else:
            self.teller.warn(
                events.SKIPPED, f"{path} is not saved: the snapshot before it is still being written"
            )

    def offer(self, path: str, epoch: Optional[int] = None, step: Optional[int] = None) -> None:
        """Has a complete checkpoint file scored."""
        scorer = self._scorer  # this may be another thread than the one that closes it
        if scorer and scorer.submit(path, epoch, step):
            self._submitted.append((os.path.abspath(path), epoch, step))

    # Results

    def results(self, is_last: bool = False) -> list[Measurement]:
        """The points of the curve that have come since the last call. Returns at once."""
        if self._scorer is None:
            return []
        if self._found:
            for path in self._found.fresh(is_last):
                self.offer(path)
            if self._found.problem:
                self.teller.warn("folder", self._found.problem)
        return [point for event in self._scorer.poll() if (point := self._take(event))]

    def finish(self) -> list[Measurement]:
        """Waits for the scores that are still to come, shows the table, writes the results and ends scoring.

        The points of the curve that came in the meantime.
        """
        if self._scorer is None:
            return []
        deadline = time.monotonic() + self.finish_timeout
        points = self.results(is_last=True)
        self._snapshots.wait(seconds_left(deadline))
        if not self._scorer.finish(seconds_left(deadline), tell_waiting) and self.is_running:
            self.teller.warn(
                "timeout",
                f"{checkpoints(self._scorer.pending)} could not be scored within {self.finish_timeout:g} s; "
                f"'ripe score {self.folder}' scores the rest",
            )
        points += self.results()
        self._conclude()
        points += self.results()
        self._close()
        return points

    # What outlives a run

    def state(self) -> dict[str, Any]:
        """What a checkpoint of the training should keep: plain values."""
        return {
            "pick": self.pick,
            "pick_epoch": self.pick_epoch,
            # The trainer may save its state while a snapshot is on its way to the disk.
            "checkpoints": [list(entry) for entry in dict.fromkeys(self._submitted + self._being_saved)],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a state: what was scored then takes part again, out of the cache."""
        self.pick, self.pick_epoch = state.get("pick"), state.get("pick_epoch")
        self._recalled = list(state.get("checkpoints", []))

    # Inside

    def _take(self, event: ScoreEvent) -> Optional[Measurement]:
        if event.kind != events.SCORED:
            self.teller.warn(event.kind, event.message)
            return None
        self._take_pick(event.pick, event.pick_epoch)
        if event.stop and self.stop_reason is None:
            self.stop_reason = event.reason
            logger.warning("ripe: a stop is requested: %s", event.reason)
        metrics = {"ripe/score": event.score}
        metrics.update({f"ripe/score_level_{score.level}": score.value for score in event.deciding})
        if self.pick_epoch is not None:
            metrics["ripe/pick_epoch"] = self.pick_epoch
        return Measurement(event.epoch, event.step, metrics)

    def _take_pick(self, path: Optional[str], epoch: Optional[int]) -> None:
        # Some files do not say their epoch, but the trainer did when it handed them in.
        known = {known_path: known_epoch for known_path, known_epoch, _ in self._submitted}
        self.pick, self.pick_epoch = path, known.get(path) if epoch is None and path else epoch

    def _not_saved(self, path: str, error: Exception) -> None:
        self.teller.warn(
            "snapshot", f"{path} cannot be saved ({error}); it is not scored, the training goes on"
        )

    def _conclude(self) -> None:
        if not self._scorer or self._scorer.is_off:
            return
        missing = [path for path, _, _ in self._submitted if not os.path.exists(path)]
        for path in missing:
            self._scorer.forget(path)
        if missing:
            self.teller.warn(
                "missing",
                f"{checkpoints(len(missing))} scored before cannot be picked, being no longer there",
            )
        self.table = self._scorer.table()
        if self.table is None or not self.table.rows:
            return
        choice = self.table.pick
        self._take_pick(choice.path if choice else None, choice.epoch if choice else None)
        self._scorer.write(self.folder)
        tell_results(self.table, self.folder, self.teller.count(events.SKIPPED))

    def _close(self) -> None:
        scorer, self._scorer = self._scorer, None
        if scorer:
            scorer.close()

    def __getstate__(self) -> dict[str, Any]:
        # For trainers that hand a copy of the callback to other processes before the training begins.
        state = dict(self.__dict__)
        state.update(_scorer=None, _snapshots=None, _found=None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._snapshots = SnapshotWriter()
