"""A Keras 3 callback that scores the encoder on target images while it is pretrained.

    import keras
    from ripe.keras import RipeCallback

    callback = RipeCallback("scans/", image_size=128)
    model.fit(images, labels, epochs=100, callbacks=[callback, keras.callbacks.CSVLogger("log.csv")])
    print(callback.pick)

It runs on every backend of Keras.
"""

from __future__ import annotations

import math
import os
from functools import partial
from typing import Any, Callable, Optional, Union

import keras

from ripe._training.curves import CurveWriter
from ripe._training.guard import guarded, quietly
from ripe._training.watch import TRAINER, Measurement, TrainingWatch

_FIRST = {"ripe/score": math.nan, "ripe/epoch": math.nan, "ripe/pick_epoch": math.nan}


class RipeCallback(keras.callbacks.Callback):
    """Scores the encoder on target images in the background while it is pretrained.

    After every epoch the model is saved to `folder` as `.keras` without its optimizer and scored by a process
    of its own.

    The curve goes into the `logs` of the epochs, so that the callbacks after this one (CSVLogger,
    TensorBoard, ...), and History, have it. A score is ready some time after its epoch; `ripe/score` in the
    logs is the newest one known, `ripe/epoch` the epoch that it belongs to; NaN before the first. When
    training ends, History's values are put to the epochs that they belong to. With `tensorboard`, the curve
    is also written to TensorBoard, each score at its epoch.

    When training ends, what is still to come is waited for, the table is printed and written, and the pick
    stands in `callback.pick` and `model.ripe_pick`; during training too, as far as it is known.

    Nothing that fails here reaches the training; it is told as a warning of the logger "ripe".

    Epochs are counted from 1, as Keras prints them.

    target, settings: see `ripe._training.watch.TrainingWatch`: every_n_epochs, folder, checkpoints, stop,
        patience, min_epochs, confidence, threads, nice, cores, queue_size, finish_timeout, and the options of
        `ripe score`. `checkpoints` takes a folder or pattern, such as the one that ModelCheckpoint writes to.
    encoder: the part that is saved: the name of a layer that is a model, or a function that takes the model
        and returns one; all of it by default.
    tensorboard: the log folder of TensorBoard, or Keras' TensorBoard callback itself. The curve is a run
        `ripe` in it.
    """

    def __init__(
        self,
        target: Any,
        *,
        encoder: Union[None, str, Callable[[Any], Any]] = None,
        tensorboard: Any = None,
        **settings: Any,
    ):
        super().__init__()
        self.watch = TrainingWatch(target, **settings)
        if self.watch.checkpoints == TRAINER:
            raise ValueError(
                "Keras does not tell which files it writes; give their folder or pattern as checkpoints="
            )
        self.encoder = encoder
        self._curve = CurveWriter(getattr(tensorboard, "log_dir", tensorboard))
        self._logged: dict[str, float] = dict(_FIRST)
        self._points: list[Measurement] = []
        self._saved: Any = None

    @property
    def pick(self) -> Optional[str]:
        """The recommended checkpoint's path, as far as it is known."""
        return self.watch.pick

    # Events

    @guarded
    def on_train_begin(self, logs: Optional[dict[str, Any]] = None) -> None:
        self._logged, self._points, self._saved = dict(_FIRST), [], None
        self.watch.start(os.getcwd())

    @guarded
    def on_epoch_end(self, epoch: int, logs: Optional[dict[str, Any]] = None) -> None:
        try:
            if self.watch.is_due(epoch + 1):
                # In this thread: Keras has no copy of a model that the training leaves alone.
                model = self._model_to_save()
                self.watch.save(f"epoch_{epoch + 1:04d}.keras", epoch + 1, None, model.save, in_thread=False)
            self._report(self.watch.results())
        finally:
            if logs is not None:
                # In every epoch, also before the first score: CSVLogger keeps the columns of the first epoch.
                logs.update(self._logged)
        if self.watch.stop_reason is not None:
            self.model.stop_training = True

    @guarded
    def on_train_end(self, logs: Optional[dict[str, Any]] = None) -> None:
        self._report(self.watch.finish())
        self._put_history_right()
        self._curve.close()

    # Inside

    def _model_to_save(self) -> Any:
        if self._saved is None:
            model = self.model
            if self.encoder is not None:
                model = (
                    model.get_layer(self.encoder) if isinstance(self.encoder, str) else self.encoder(model)
                )
            if isinstance(model, (keras.Sequential, keras.Model)) and getattr(model, "inputs", None):
                # The same layers without an optimizer, whose state would double or treble the file.
                model = keras.Model(model.inputs, model.outputs, name=model.name)
            self._saved = model
        return self._saved

    def _report(self, points: list[Measurement]) -> None:
        self.model.ripe_pick = self.watch.pick
        for point in points:
            self._points.append(point)
            self._logged.update(point.metrics)
            self._logged["ripe/epoch"] = math.nan if point.epoch is None else point.epoch
            if point.epoch is not None:
                # Keras' TensorBoard callback counts epochs from 0.
                quietly(self.watch, "TensorBoard", partial(self._curve.write, point.metrics, point.epoch - 1))

    def _put_history_right(self) -> None:
        """Moves the scores in History from the epochs in which they came to those that they belong to."""
        history = getattr(self.model, "history", None)
        if history is None or not self._points:
            return
        metrics = {point.epoch: point.metrics for point in self._points if point.epoch is not None}
        for name in {name for known in metrics.values() for name in known}:
            history.history[name] = [
                metrics.get(epoch + 1, {}).get(name, math.nan) for epoch in history.epoch
            ]
        history.history.pop("ripe/epoch", None)
