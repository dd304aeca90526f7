"""`ripe score` as a whole process against the authors' loop in PyTorch, and how its cost grows."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from measure import median_run, print_table, progress, run
from networks import Classifier, DeepResNet

SIZE = 224
HERE = Path(__file__).parent

# Everything the authors' settings can give, from the same two views of each image.
SETTINGS = [
    "--image-size", SIZE, "--normalize", "none", "--distance", "cosine,l2,pearson", "--margin", "0,0.25,0.5,0.75,1",
    "--level", "all", "--pooling", "pooled,flat", "--negatives", "paper", "--jitter-per", "batch", "--draws", 1,
    "--arch-option", "stochastic_depth_rate=0.1", "--no-cache",
]


def make_checkpoints(folder, count):
    """State dicts of the paper's ResNet-50 with random weights and plausible statistics, at real size."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for epoch in range(1, count + 1):
        path = folder / f"resnet50_epoch_{epoch:03d}.pt"
        if not path.exists():
            torch.manual_seed(epoch)
            model = Classifier(DeepResNet(), 2048, classes=2100)  # a file of 100 MB
            for module in model.modules():
                if isinstance(module, torch.nn.BatchNorm2d):
                    module.running_mean.normal_(0, 0.1)
                    module.running_var.uniform_(0.5, 1.5)
                    module.weight.data.uniform_(0.5, 1.0)
            torch.save(model.state_dict(), path)
        paths.append(path)
    return paths


def make_images(folder, count):
    """Smooth grey pictures: an ellipse with soft structure inside, different in each."""
    folder.mkdir(parents=True, exist_ok=True)
    y, x = np.mgrid[-1:1:SIZE * 1j, -1:1:SIZE * 1j]
    for index in range(count):
        random = np.random.default_rng(index)
        head = 1 / (1 + np.exp(30 * (np.hypot(x / random.uniform(0.6, 0.8), y / random.uniform(0.7, 0.9)) - 1)))
        texture = sum(
            random.uniform(0.05, 0.2) * np.sin(a * x + b * y + c)
            for a, b, c in random.uniform(-25, 25, (12, 3)))
        picture = np.clip(255 * head * (0.5 + 0.5 * texture), 0, 255).astype(np.uint8)
        Image.fromarray(picture).save(folder / f"image_{index:04d}.png")
    return folder


def ripe_score(options, checkpoints, images, out):
    shutil.rmtree(out, ignore_errors=True)
    return run(
        [options.ripe, "score", *checkpoints, "--target", images, "--threads", options.threads, "--out", out, "--json", *SETTINGS])


def measure(options, results):
    count, image_count, rounds = 10, 64, options.score_rounds
    progress(f"score: making {count} checkpoints and {image_count} images")
    checkpoints = make_checkpoints(options.work / "checkpoints", count)
    images = make_images(options.work / f"images{image_count}", image_count)
    loop = [sys.executable, HERE / "paper_loop.py", images, *checkpoints, "--threads", options.threads]
    ours, theirs = [], []
    for number in range(1, rounds + 1):
        progress(f"score: round {number} of {rounds}: ripe")
        ours.append(ripe_score(options, checkpoints, images, options.work / "out"))
        progress(f"score: round {number} of {rounds}: PyTorch")
        theirs.append(run(loop))
    a, b = median_run(ours), median_run(theirs)
    print_table(
        f"Whole process: {count} checkpoints of the paper's ResNet-50 x {image_count} images at {SIZE}x{SIZE}, every setting, "
        f"{options.threads} threads, medians of {rounds} rounds in turns",
        ["", "seconds", "peak MB"],
        [["ripe score", f"{a.seconds:.1f}", f"{a.peak_megabytes:.0f}"],
         ["authors' loop in PyTorch", f"{b.seconds:.1f}", f"{b.peak_megabytes:.0f}"],
         ["ratio", f"{b.seconds / a.seconds:.2f}x", f"{a.peak_megabytes / b.peak_megabytes:.2f}"]])
    print_agreement(json.loads(a.output), json.loads(b.output))
    results.update(
        ripeSeconds=a.seconds, torchSeconds=b.seconds, ripePeakMegabytes=a.peak_megabytes, torchPeakMegabytes=b.peak_megabytes)


def print_agreement(ours, theirs):
    """Both sides must have computed the same thing; their jitters differ, so the scores differ a little."""
    differences = []
    for checkpoint in ours["checkpoints"]:
        for score in checkpoint["scores"]:
            key = f"{score['level']}/{score['pooling']}/{score['distance']}/{float(score['margin'])}"
            other = theirs[checkpoint["name"]][key]
            if score["distance"] != "l2":
                differences.append(abs(score["value"] - other))
    print(
        f"\n  The two score {len(differences)} cosine and Pearson settings with different random jitters: "
        f"median difference {np.median(differences):.4f}, largest {max(differences):.4f}.")


def measure_scaling(options, results):
    checkpoints = make_checkpoints(options.work / "checkpoints", 8)
    rows = []
    for count, image_count in [(2, 32), (4, 32), (8, 32), (2, 64), (2, 128)]:
        progress(f"scaling: {count} checkpoints x {image_count} images")
        images = make_images(options.work / f"images{image_count}", image_count)
        measured = ripe_score(options, checkpoints[:count], images, options.work / "out")
        pairs = count * image_count
        rows.append(
            [count, image_count, f"{measured.seconds:.1f}", f"{1000 * measured.seconds / pairs:.1f}", f"{measured.peak_megabytes:.0f}"])
        results[f"{count}x{image_count}"] = {"seconds": measured.seconds, "peakMegabytes": measured.peak_megabytes}
    print_table(
        "How `ripe score` grows: time with checkpoints x images, memory with neither",
        ["checkpoints", "images", "seconds", "ms per checkpoint and image", "peak MB"], rows)
