#!/usr/bin/env python3
"""Measures by how much a callback slows a training down. Run by hand on a machine that does nothing else.

    PYTHONPATH=Sources/tools/plugin/python/src .venv-python/bin/python Tests/Python/measure_overhead.py

A real Lightning pretraining (a ResNet of 4.9 million parameters on rotated brain slices, one thread) runs on
one core, with and without the callback in turn; the scoring process has another core. Throughput is that of
whole epochs, snapshots included, but for the first epoch, which warms up. The wait at the end of a training
is not part of it.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import statistics
import tempfile
import time
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytorch_lightning
import torch

from pretraining import RotatedSlices, lightning_module
from ripe.lightning import RipeCallback
from support import TARGET

BATCH = 32


class Stopwatch(pytorch_lightning.Callback):
    """The time from the end of the first epoch to that of the last; to stand behind what is measured."""

    def __init__(self):
        self.wall = []
        self.processor = []

    def on_train_epoch_end(self, trainer, pl_module):
        self.wall.append(time.perf_counter())
        self.processor.append(time.process_time())


def rates(data: RotatedSlices, epochs: int, callbacks: list) -> tuple[float, float]:
    """Images per second of a training, and per second of processor time of its process."""
    torch.manual_seed(1)
    watch = Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        trainer = pytorch_lightning.Trainer(
            max_epochs=epochs, accelerator="cpu", default_root_dir=folder, logger=False,
            enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
            callbacks=[*callbacks, watch],
        )  # fmt: skip
        trainer.fit(lightning_module(rate=0.02), torch.utils.data.DataLoader(data, BATCH, shuffle=True))
    images = len(data) * (epochs - 1)
    return images / (watch.wall[-1] - watch.wall[0]), images / (watch.processor[-1] - watch.processor[0])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="trainings with and without the callback")
    parser.add_argument("--epochs", type=int, default=6, help="epochs of each")
    parser.add_argument("--images", type=int, default=2048, help="images of an epoch")
    parser.add_argument("--image-size", type=int, default=128, help="size at which the callback scores")
    parser.add_argument("--training-core", type=int, default=0)
    parser.add_argument("--scoring-core", type=int, default=1)
    options = parser.parse_args()

    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    os.sched_setaffinity(0, [options.training_core])
    data = RotatedSlices(options.images)
    plain, watched, scored = [], [], 0
    for number in range(options.rounds):
        callback = RipeCallback(
            TARGET,
            image_size=options.image_size,
            no_cache=True,
            cores=[options.scoring_core],
            encoder="model",
        )
        pair = [(plain, []), (watched, [callback])]
        # Each comes first in every other round: a machine that slows down favours the first.
        for rounds, callbacks in pair if number % 2 == 0 else reversed(pair):
            rounds.append(rates(data, options.epochs, callbacks))
        scored += len(callback.watch.table)
        print(
            f"round {number + 1}: {plain[-1][0]:.1f} images/s without, {watched[-1][0]:.1f} with it",
            flush=True,
        )
    print(f"{scored} of {options.rounds * options.epochs} checkpoints scored")
    for place, name in enumerate(("images per second", "images per second of processor time")):
        without, with_it = (statistics.median(rate[place] for rate in rounds) for rounds in (plain, watched))
        # Of each round by itself: whatever else the machine does changes slowly.
        drops = [100 * (1 - after[place] / before[place]) for before, after in zip(plain, watched)]
        low, high = interval_of_mean(drops)
        print(
            f"{name}: {without:.1f} without, {with_it:.1f} with the callback; drop of the rounds: "
            f"mean {statistics.mean(drops):.1f} % (95 % interval {low:.1f} to {high:.1f} %), "
            f"median {statistics.median(drops):.1f} %, from {min(drops):.1f} to {max(drops):.1f} %"
        )


def interval_of_mean(values: list[float], resamplings: int = 10000) -> tuple[float, float]:
    """The 95 % interval of the mean by resampling, with a fixed seed."""
    draw = random.Random(1)
    means = sorted(statistics.mean(draw.choices(values, k=len(values))) for _ in range(resamplings))
    return means[int(0.025 * resamplings)], means[int(0.975 * resamplings)]


if __name__ == "__main__":
    main()
