#!/usr/bin/env python3
"""A real pretraining of a few minutes with the callback, for each framework. Run by hand:

    PYTHONPATH=Sources/tools/plugin/python/src .venv-python/bin/python Tests/Python/long_run.py lightning keras huggingface

A residual network learns on one core by how many quarter turns brain slices are rotated, until the rule asks it to stop or
--epochs are over; the scores are made beside it with the settings that a user gets. What is printed: how long it took, the
curve as the framework's own logger has it, what was skipped, whether it stopped, and the pick. It fails if the logged curve
is not that of the table, or the pick is not what `ripe pick` would say of the snapshots.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import ripe
from pretraining import (
    HuggingFaceSlices, RotatedSlices, curve_of, hugging_face_model, keras_resnet, lightning_module, rotated,
)  # fmt: skip
from support import TARGET

BATCH = 32


def lightning(folder: Path, settings: argparse.Namespace, options: dict):
    import pytorch_lightning
    import torch
    from pytorch_lightning.loggers import TensorBoardLogger
    from ripe.lightning import RipeCallback

    torch.set_num_threads(1)
    callback = RipeCallback(TARGET, encoder="model", **options)
    trainer = pytorch_lightning.Trainer(
        max_epochs=settings.epochs, accelerator="cpu", default_root_dir=folder, callbacks=[callback],
        logger=TensorBoardLogger(folder, "tb"), enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(lightning_module(rate=0.01), torch.utils.data.DataLoader(RotatedSlices(settings.images), BATCH, shuffle=True))
    return trainer.current_epoch, callback.watch.table, trainer.ripe_pick


def keras(folder: Path, settings: argparse.Namespace, options: dict):
    import keras
    import tensorflow
    from ripe.keras import RipeCallback

    tensorflow.config.threading.set_intra_op_parallelism_threads(1)
    images, turns = rotated(settings.images, seed=0)
    board = keras.callbacks.TensorBoard(folder / "tb")
    callback = RipeCallback(TARGET, folder=folder / "ripe", tensorboard=board, **options)
    model = keras_resnet()
    model.compile(
        keras.optimizers.SGD(0.01, momentum=0.9), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    history = model.fit(
        images.transpose(0, 2, 3, 1), turns, batch_size=BATCH, epochs=settings.epochs, verbose=0,
        callbacks=[callback, board],
    )  # fmt: skip
    return len(history.epoch), callback.watch.table, callback.pick


def huggingface(folder: Path, settings: argparse.Namespace, options: dict):
    import torch
    from ripe.huggingface import RipeCallback
    from transformers import Trainer, TrainingArguments

    torch.set_num_threads(1)
    os.environ["TENSORBOARD_LOGGING_DIR"] = str(folder / "tb")
    callback = RipeCallback(TARGET, encoder="backbone", **options)
    trainer = Trainer(
        model=hugging_face_model(width=64), train_dataset=HuggingFaceSlices(settings.images), callbacks=[callback],
        args=TrainingArguments(
            str(folder / "out"), num_train_epochs=settings.epochs, per_device_train_batch_size=BATCH,
            learning_rate=0.01, optim="sgd", use_cpu=True, disable_tqdm=True, save_strategy="no",
            report_to=["tensorboard"],
        ),
    )  # fmt: skip
    trainer.train()
    return round(trainer.state.epoch), callback.watch.table, callback.pick


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frameworks", nargs="+", choices=["lightning", "keras", "huggingface"])
    parser.add_argument("--epochs", type=int, default=30, help="epochs at most (30)")
    parser.add_argument("--images", type=int, default=1536, help="images of an epoch (1536)")
    parser.add_argument("--patience", type=int, default=4, help="patience of the stopping rule (4)")
    settings = parser.parse_args()
    for framework in settings.frameworks:
        with tempfile.TemporaryDirectory(prefix="ripe-long-") as name:
            folder = Path(name)
            options = {"image_size": 64, "stop": True, "patience": settings.patience, "no_cache": True}
            start = time.monotonic()
            epochs, table, pick = globals()[framework](folder, settings, options)
            minutes = (time.monotonic() - start) / 60
            # The Trainer puts "train/" before every name.
            curve = curve_of(folder, "train/ripe/score" if framework == "huggingface" else "ripe/score")
            print(f"\n{framework}: {epochs} of {settings.epochs} epochs in {minutes:.1f} minutes, "
                  f"{len(table.rows)} scored")  # fmt: skip
            for (step, score), row in zip(curve, table.rows, strict=True):
                assert abs(score - row.score) < 1e-5, (step, score, row.score)
                print(f"  epoch {row.checkpoint.epoch:3}  step {step:5}  {score:.4f}")
            print(f"  {table.sentence}")
            snapshots = Path(pick).parent
            assert ripe.pick(snapshots, TARGET, image_size=64, no_cache=True, progress=False) == pick
            print(f"  pick: {Path(pick).name}", flush=True)


if __name__ == "__main__":
    main()
