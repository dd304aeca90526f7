"""`ripe predict` on a whole volume against the script that a user writes with nibabel, PyTorch and smp."""

import json
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import torch

import torchvision_cpu  # noqa: F401
import segmentation_models_pytorch as smp
from measure import median_run, print_table, progress, run
from safetensors import safe_open
from safetensors.torch import load_file, save_file

HERE = Path(__file__).parent
SHAPE = (256, 256, 150)
CLASSES = 3
# Encoder, side of the network's images.
NETWORKS = [("resnet18", 256), ("resnet50", 224)]


def make_volume(path):
    """A head of ellipsoids with smooth texture, int16, 1 mm x 1 mm x 1.2 mm, stored LPS."""
    if path.exists():
        return path
    random = np.random.default_rng(1)
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n, dtype=np.float32) for n in SHAPE), indexing="ij")
    head = np.hypot(np.hypot(x / 0.75, y / 0.9), z / 0.95)
    texture = sum(
        a * np.sin(b * x + c * y + d * z) for a, b, c, d in random.uniform([20, -20, -20, -20], [60, 20, 20, 20], (12, 4)))
    values = np.where(head < 1, 600 + texture + 200 * (head < 0.6), 0) + random.normal(0, 8, SHAPE)
    image = nibabel.Nifti1Image(values.astype(np.int16), np.diag([-1, -1, 1.2, 1]))
    nibabel.save(image, path)
    return path


def make_model(ripe, folder, encoder, size):
    """An untrained Unet as ripe writes it, with statistics that PyTorch took from noise, and the same as .pt."""
    model, state = folder / f"unet_{encoder}.safetensors", folder / f"unet_{encoder}.pt"
    if model.exists() and state.exists():
        return model, state
    torch.manual_seed(1)
    network = smp.Unet(encoder, encoder_weights=None, classes=CLASSES)
    weights = {k.removeprefix("encoder."): v.contiguous() for k, v in network.state_dict().items() if "encoder." in k}
    save_file(weights, folder / "encoder.safetensors")
    np.save(folder / "x.npy", np.zeros((1, 1, size, size), np.float32))
    subprocess.run(
        [ripe, "gradients", folder / "encoder.safetensors", "--input", folder / "x.npy", "--network", "smp-unet",
         "--classes", str(CLASSES), "--model", model], check=True, stdout=subprocess.DEVNULL)
    network.load_state_dict(load_file(model), strict=True)
    with safe_open(model, "pt") as file:
        metadata = file.metadata()
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = None
        network.train()(torch.randn(4, 3, 128, 128).cumsum(3) / 8)
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, model, metadata)
    subprocess.run([ripe, "convert", model, state, "--overwrite"], check=True, stdout=subprocess.DEVNULL)
    return model, state


def measure(options, results):
    folder = options.work / "predict"
    folder.mkdir(parents=True, exist_ok=True)
    volume = make_volume(folder / "head_0000.nii.gz")
    rows = []
    for encoder, size in NETWORKS:
        model, state = make_model(options.ripe, folder, encoder, size)
        rows += compare(options, results, folder, volume, (encoder, size), model, state)
    print_table(
        f"Segmenting a volume of {'x'.join(map(str, SHAPE))} with a Unet of smp, {options.threads} threads, medians of "
        f"{options.score_rounds} rounds in turns",
        ["", "seconds", "whole process", "peak MB", "ratio", "same voxels"], rows)


def compare(options, results, folder, volume, network, model, state):
    encoder, size = network
    name = f"{encoder} at {size}"
    loop = [sys.executable, HERE / "predict_loop.py", state, volume, folder / "torch.nii.gz", "--encoder", encoder, "--classes",
            CLASSES, "--size", size, "--threads", options.threads]
    commands = {
        "ripe predict": [options.ripe, "predict", model, volume, "--out", folder / "out", "--overwrite", "--threads",
                         options.threads, "--json"],
        "PyTorch": loop, "PyTorch, channels last": [*loop, "--channels-last"]}
    runs = {key: [] for key in commands}
    for number in range(1, options.score_rounds + 1):
        for key, command in commands.items():
            progress(f"predict: {name}, round {number} of {options.score_rounds}: {key}")
            runs[key].append(run(command))
    seconds = {key: np.median([json.loads(r.output)["seconds"] for r in done]) for key, done in runs.items()}
    medians = {key: median_run(done) for key, done in runs.items()}
    ours = np.asarray(nibabel.load(folder / "out" / "head.nii.gz").dataobj)
    theirs = np.asarray(nibabel.load(folder / "torch.nii.gz").dataobj)
    assert ours.shape == theirs.shape, f"{ours.shape} and {theirs.shape}"
    agreement = (ours == theirs).mean()
    best = min(value for key, value in seconds.items() if key != "ripe predict")
    results[encoder] = {
        "seconds": seconds, "wholeProcess": {k: m.seconds for k, m in medians.items()},
        "peakMegabytes": {k: m.peak_megabytes for k, m in medians.items()},
        "ratio": best / seconds["ripe predict"], "agreement": float(agreement)}
    return [
        [f"{name}: {key}", f"{seconds[key]:.1f}", f"{medians[key].seconds:.1f}", f"{medians[key].peak_megabytes:.0f}",
         f"{seconds[key] / seconds['ripe predict']:.2f}x" if key != "ripe predict" else "",
         f"{100 * agreement:.3f} %" if key != "ripe predict" else ""] for key in commands]
