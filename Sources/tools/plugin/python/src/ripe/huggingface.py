"""A callback for the Hugging Face Trainer that scores the encoder on target images while it is pretrained.

    from transformers import Trainer
    from ripe.huggingface import RipeCallback

    callback = RipeCallback("scans/", image_size=128, encoder="backbone")
    trainer = Trainer(model=model, args=arguments, train_dataset=images, callbacks=[callback])
    trainer.train()
    print(callback.pick)

The model may be any PyTorch module; its encoder must be a network that Ripe knows.
"""

from __future__ import annotations

import copy
import json
import os
import sys
from functools import partial
from types import FrameType
from typing import Any, Optional

from transformers import TrainerCallback

from ripe._training.guard import guarded, quietly
from ripe._training.telling import logger
from ripe._training.watch import TRAINER, Measurement, TrainingWatch
from ripe._training.weights import Encoder, encoder_of, saver_of_weights

try:
    # Callbacks of this kind have their state in trainer_state.json; transformers has it since 4.43.
    from transformers.trainer_callback import ExportableState
except ImportError:

    class ExportableState:  # type: ignore[no-redef]
        """Stands in where transformers is older."""


_WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)


class RipeCallback(TrainerCallback, ExportableState):
    """Scores the encoder on target images in the background while it is pretrained.

    After every epoch, or every so many steps, the weights are copied, written to `folder` and scored by a
    process of its own. The curve goes to `trainer.state.log_history` and to the Trainer's reporters
    (TensorBoard, W&B, ...) as `ripe/score`, `ripe/score_level_…` and `ripe/pick_epoch`, at the step that the
    weights are of, whenever the score is ready. When training ends, what is still to come is waited for, the
    table is printed and written, and the pick stands in `callback.pick`; during training too, as far as it is
    known, and in `trainer_state.json` of every checkpoint (`stateful_callbacks`).
    `state.best_model_checkpoint` is set as well where the pick is a checkpoint folder of the Trainer's own
    and no metric decides on it; the Trainer then keeps that folder when it deletes old ones.

    Nothing that fails here reaches the training; it is told as a warning of the logger "ripe".

    target, settings: see `ripe._training.watch.TrainingWatch`: every_n_epochs, folder, checkpoints, stop,
        patience, min_epochs, confidence, threads, nice, cores, queue_size, finish_timeout, and the options of
        `ripe score`. With checkpoints="trainer", the Trainer's own `checkpoint-…` folders are scored.
    every_n_steps: snapshots after so many optimizer steps instead of epochs.
    encoder: the part whose weights are saved: the dotted name of a sub-module, or a function that takes the
        model and returns one; all of it by default.
    """

    def __init__(
        self, target: Any, *, encoder: Encoder = None, every_n_steps: Optional[int] = None, **settings: Any
    ):
        if every_n_steps is not None and every_n_steps < 1:
            raise ValueError("every_n_steps must be at least 1")
        self.watch = TrainingWatch(target, **settings)
        self.encoder = encoder
        self.every_n_steps = every_n_steps
        self._arguments = {"target": target, "encoder": encoder, "every_n_steps": every_n_steps, **settings}
        self._handler: Any = None

    @property
    def pick(self) -> Optional[str]:
        """The recommended checkpoint's path, as far as it is known."""
        return self.watch.pick

    # Events

    @guarded
    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if not state.is_world_process_zero:
            return
        self._keep_state(state)
        self._handler = _calling_handler(self)
        if self._handler is None:
            logger.warning(
                "ripe: the Trainer's reporters are not found; the curve is in state.log_history only"
            )
        else:
            # To the front: when training ends, the reporters behind are still open for the last scores.
            self._handler.callbacks.remove(self)
            self._handler.callbacks.insert(0, self)
        self.watch.start(args.output_dir)

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> Any:
        is_due = bool(self.every_n_steps and state.global_step % self.every_n_steps == 0)
        self._end_step(args, state, control, model, is_due)
        if is_due:
            self._stop_together(args, control)
        return control

    @guarded
    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.watch.checkpoints == TRAINER and self.watch.is_running:
            folder = os.path.join(args.output_dir, f"checkpoint-{state.global_step}")
            path = next(
                (path for name in _WEIGHTS if os.path.exists(path := os.path.join(folder, name))), None
            )
            if path is None:
                raise RuntimeError(
                    f"{folder} holds no weights that can be scored; leave checkpoints='trainer' out"
                )
            self.watch.offer(path, _finished_epochs(state), state.global_step)

    def on_epoch_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> Any:
        self._end_epoch(args, state, control, model)
        self._stop_together(args, control)
        return control

    @guarded
    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._log(args, state, control, self.watch.finish())
        self._handler = None

    # State in trainer_state.json

    def state(self) -> dict[str, Any]:
        """What the Trainer saves of this callback: how to make it again, and the pick."""
        return {"args": _plain(self._arguments), "attributes": {"watched": _plain(self.watch.state())}}

    @property
    def watched(self) -> dict[str, Any]:
        """What is known of the scored checkpoints: `pick`, `pick_epoch`, `checkpoints`."""
        return self.watch.state()

    @watched.setter
    def watched(self, state: dict[str, Any]) -> None:
        self.watch.restore(state)

    # Inside

    @guarded
    def _end_step(self, args: Any, state: Any, control: Any, model: Any, is_due: bool) -> None:
        if is_due:
            self._save(f"step_{state.global_step:08d}.pt", state, model)
        self._log(args, state, control, self.watch.results())

    @guarded
    def _end_epoch(self, args: Any, state: Any, control: Any, model: Any) -> None:
        epoch = _finished_epochs(state)
        if not self.every_n_steps and self.watch.is_due(epoch):
            self._save(f"epoch_{epoch:04d}.pt", state, model)
        self._log(args, state, control, self.watch.results())

    def _stop_together(self, args: Any, control: Any) -> None:
        # On every rank and not guarded: a rank that stayed away would leave the others waiting.
        if self.watch.stop and _any_rank(self.watch.stop_reason is not None, args):
            control.should_training_stop = True

    def _save(self, name: str, state: Any, model: Any) -> None:
        if self.watch.is_running and self.watch.makes_snapshots:
            epoch = _finished_epochs(state)
            save = saver_of_weights(encoder_of(model, self.encoder), epoch, state.global_step)
            self.watch.save(name, epoch, state.global_step, save)

    def _log(self, args: Any, state: Any, control: Any, points: list[Measurement]) -> None:
        self._keep_pick(args, state)
        for point in points:
            at = copy.copy(state)
            at.global_step = state.global_step if point.step is None else point.step
            at.epoch = state.epoch if point.epoch is None else float(point.epoch)
            logs = {**point.metrics, "epoch": at.epoch}
            state.log_history.append({**logs, "step": at.global_step})
            for callback in self._handler.callbacks if self._handler else []:
                if callback is not self:
                    report = partial(
                        callback.on_log, args, at, control, logs=dict(logs), model=self._handler.model
                    )
                    quietly(self.watch, type(callback).__name__, report)

    def _keep_state(self, state: Any) -> None:
        """Takes up what a checkpoint says of this callback, and makes a place for it where it says nothing.

        The Trainer restores callbacks only if told to, and cannot save one that its state does not know.
        """
        states = getattr(state, "stateful_callbacks", None)
        if states is None:
            return
        stored = states.setdefault(type(self).__name__, self.state())
        if isinstance(stored, dict):
            self.watch.restore(stored.get("attributes", {}).get("watched", {}))

    def _keep_pick(self, args: Any, state: Any) -> None:
        pick = self.watch.pick
        if pick and self.watch.checkpoints == TRAINER and not args.metric_for_best_model:
            state.best_model_checkpoint = os.path.dirname(pick)


def _finished_epochs(state: Any) -> int:
    # `epoch` is a sum of fractions, which may end just below the whole number.
    return int((state.epoch or 0) + 1e-6)


def _calling_handler(callback: RipeCallback) -> Any:
    """The Trainer's handler of callbacks, which called us, or None.

    The Trainer hands its callbacks neither itself nor the reporters among them, so that a callback has no way
    to log. The handler stands two or three frames up on the stack.
    """
    frame: Optional[FrameType] = sys._getframe(1)
    for _ in range(8):
        if frame is None:
            return None
        candidate = frame.f_locals.get("self")
        if any(entry is callback for entry in getattr(candidate, "callbacks", None) or []):
            return candidate
        frame = frame.f_back
    return None


def _any_rank(wanted: bool, args: Any) -> bool:
    """Whether it is wanted in any of the training's processes. To be called in all of them."""
    import torch

    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return wanted
    votes = torch.tensor([int(wanted)], device=args.device)
    torch.distributed.all_reduce(votes, op=torch.distributed.ReduceOp.MAX)
    return bool(votes.item())


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """What JSON can hold of a dictionary: the Trainer cannot save its state with anything else in it."""
    kept = {}
    for name, value in values.items():
        value = os.fspath(value) if isinstance(value, os.PathLike) else value
        try:
            json.dumps(value)
        except TypeError:
            continue
        kept[name] = value
    return kept
