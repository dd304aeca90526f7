"""A PyTorch Lightning callback that scores the encoder on target images while it is pretrained.

    from lightning.pytorch import Trainer
    from ripe.lightning import RipeCallback

    callback = RipeCallback("scans/", image_size=128, encoder="model")
    trainer = Trainer(max_epochs=100, callbacks=[callback])
    trainer.fit(module)
    print(trainer.ripe_pick)

`lightning` and `pytorch_lightning` are the same library under two names; the one that is imported already is
used.
"""

from __future__ import annotations

import importlib
import os
import sys
from functools import partial
from typing import Any, Optional

from ripe._training.changes import FileChanges
from ripe._training.guard import guarded, quietly
from ripe._training.watch import TRAINER, Measurement, TrainingWatch
from ripe._training.weights import Encoder, encoder_of, saver_of_weights

_NAMES = ("lightning.pytorch", "pytorch_lightning")
# They keep a part of the weights in each process; only the trainer knows how to put them together.
_SHARDED = ("FSDP", "DeepSpeed", "ModelParallel")


def _callback_class() -> Any:
    for name in sorted(_NAMES, key=lambda name: name not in sys.modules):
        try:
            return importlib.import_module(name).Callback
        except ImportError:
            continue
    raise ImportError("neither lightning nor pytorch_lightning is installed: pip install 'ripe[lightning]'")


class RipeCallback(_callback_class()):  # type: ignore[misc]
    """Scores the encoder on target images in the background while it is pretrained.

    After every epoch the weights are copied, written to `folder` and scored by a process of its own. The
    curve goes to the trainer's loggers as `ripe/score`, `ripe/score_level_…` and `ripe/pick_epoch`, at the
    step that the weights are of, whenever the score is ready. When training ends, what is still to come is
    waited for, the table is printed and written, and the pick stands in `trainer.ripe_pick` and
    `callback.best_model_path`; during training too, as far as it is known, and in the checkpoints, as this
    callback's state.

    Nothing that fails here reaches the training; it is told as a warning of the logger "ripe".

    Epochs are counted from 1: epoch 3 is the weights after three epochs.

    target, settings: see `ripe._training.watch.TrainingWatch`: every_n_epochs, folder, checkpoints, stop,
        patience, min_epochs, confidence, threads, nice, cores, queue_size, finish_timeout, and the options of
        `ripe score`. With checkpoints="trainer", the files of the trainer's ModelCheckpoint callbacks are
        scored.
    encoder: the part whose weights are saved: the dotted name of a sub-module, or a function that takes the
        module and returns one; all of it by default.
    """

    def __init__(self, target: Any, *, encoder: Encoder = None, **settings: Any):
        super().__init__()
        self.watch = TrainingWatch(target, **settings)
        self.encoder = encoder
        self._default_folder = "."
        self._changes: Optional[FileChanges] = None

    @property
    def best_model_path(self) -> str:
        """The recommended checkpoint's path, as far as it is known; empty before anything is."""
        return self.watch.pick or ""

    # Events

    @guarded
    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        # Asked on every rank, for the ranks agree on it by exchanging messages.
        self._default_folder = trainer.log_dir or trainer.default_root_dir

    @guarded
    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        if not trainer.is_global_zero:
            return
        strategy = type(trainer.strategy).__name__
        if self.watch.makes_snapshots and strategy.startswith(_SHARDED):
            raise RuntimeError(f"{strategy} spreads the weights over processes; give checkpoints='trainer'")
        if self.watch.checkpoints == TRAINER:
            self._changes = FileChanges(lambda: _checkpoint_files(trainer))
        self.watch.start(self._default_folder)

    @guarded
    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        # ModelCheckpoint is the last of the callbacks, so that it has just saved the epoch before.
        self._offer_checkpoints(trainer, look_now=True)

    @guarded
    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        self._report(trainer)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        self._save(trainer, pl_module)
        if self.watch.stop:
            # On every rank and not guarded: a rank that stayed away would leave the others waiting.
            wanted = self.watch.stop_reason is not None
            if trainer.strategy.reduce_boolean_decision(wanted, all=False):
                trainer.should_stop = True

    @guarded
    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        self._offer_checkpoints(trainer, look_now=True)
        self._log(trainer, self.watch.finish())
        self._changes = None

    @guarded
    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        self.watch.abort()

    @guarded
    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        self.watch.abort()

    # State

    def state_dict(self) -> dict[str, Any]:
        return self.watch.state()

    @guarded
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.watch.restore(state_dict)

    # Inside

    @guarded
    def _save(self, trainer: Any, pl_module: Any) -> None:
        epoch = trainer.current_epoch + 1
        if self.watch.is_due(epoch):
            save = saver_of_weights(encoder_of(pl_module, self.encoder), epoch, trainer.global_step)
            self.watch.save(f"epoch_{epoch:04d}.pt", epoch, trainer.global_step, save)
        self._report(trainer)

    def _report(self, trainer: Any) -> None:
        if self.watch.is_running:
            self._offer_checkpoints(trainer)
        self._log(trainer, self.watch.results())

    def _offer_checkpoints(self, trainer: Any, look_now: bool = False) -> None:
        if self._changes:
            # But for the plugin that saves in a thread, a file is complete when its name is known.
            are_complete = not type(trainer.strategy.checkpoint_io).__name__.startswith("Async")
            for path in self._changes.fresh(look_now, are_complete):
                self.watch.offer(path)

    def _log(self, trainer: Any, points: list[Measurement]) -> None:
        trainer.ripe_pick = self.watch.pick
        for point in points:
            metrics = dict(point.metrics)
            if point.epoch is not None:
                # Lightning's own metric of this name counts from 0.
                metrics["epoch"] = point.epoch - 1 if self.watch.makes_snapshots else point.epoch
            step = trainer.global_step if point.step is None else point.step
            for logger in trainer.loggers:
                quietly(self.watch, type(logger).__name__, partial(logger.log_metrics, metrics, step=step))


def _checkpoint_files(trainer: Any) -> list[str]:
    """The files that the trainer's ModelCheckpoint callbacks keep at the moment."""
    found: list[Optional[str]] = []
    for callback in trainer.checkpoint_callbacks:
        found += getattr(callback, "best_k_models", {})
        found += [getattr(callback, name, None) for name in ("best_model_path", "last_model_path")]
    return [path for path in dict.fromkeys(found) if path and os.path.isfile(path)]
