"""Reading and writing NIfTI volumes: `ripe bench volume` against nibabel, in turns, on the same files.

Both sides are timed inside their processes, so that Python's start does not count; peak memory is that of a process
that does the step once. Both make what they write durable (fsync). What Ripe read and wrote is compared with the made voxels.
"""

import json
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np

from measure import print_table, progress, run

HERE = Path(__file__).parent
FIXTURES = HERE.parents[1] / "fixtures" / "volumes"
STEPS = {"read": "read, as stored", "floats": "read, as numbers", "write": "write"}
RUNS_PER_ROUND = 3


def ellipsoid(shape, radii):
    axes = [np.linspace(-1, 1, count, dtype=np.float32) for count in shape]
    x, y, z = np.meshgrid(*axes, indexing="ij", sparse=True)
    return x, y, z, (x / radii[0]) ** 2 + (y / radii[1]) ** 2 + (z / radii[2]) ** 2


def brain(shape=(256, 256, 160)):
    """Smooth tissue with noise inside a head, faint noise around it: T1-like, int16."""
    random = np.random.default_rng(1)
    x, y, z, radius = ellipsoid(shape, (0.8, 0.9, 0.84))
    noise = random.normal(0, 25, shape).astype(np.float32)
    tissue = 600 + 250 * np.sin(9 * x) * np.cos(8 * y) * np.sin(7 * z) + 300 * (radius > 0.85)
    return np.where(radius < 1, tissue + noise, np.abs(noise) * 0.4).clip(0, 4095).astype(np.int16)


def ct(shape=(512, 512, 300)):
    """Air, body and lungs with the noise of a CT inside its round field of view, int16."""
    random = np.random.default_rng(2)
    x, y, z, radius = ellipsoid(shape, (0.84, 0.67, 8))
    lung = ((np.abs(x) - 0.35) / 0.25) ** 2 + (y / 0.39) ** 2 + (z / 0.77) ** 2 < 1
    values = np.where(radius < 1, np.where(lung, -800, 50 + 60 * np.sin(6 * x + 4 * y)), -1000)
    values = values + random.normal(0, 18, shape).astype(np.float32)
    values = np.where(x**2 + y**2 < 1, values, -1024)
    return values.round().clip(-1024, 3071).astype(np.int16)


def labels(shape=(256, 256, 160)):
    """Nested structures, uint8."""
    radius = ellipsoid(shape, (0.8, 0.9, 0.84))[3]
    return np.digitize(radius, [0.1, 0.25, 0.5, 0.8, 1]).astype(np.uint8)


def make_volumes(folder):
    """(title, path) of each volume; compressed by nibabel with its own settings."""
    import nibabel

    folder.mkdir(parents=True, exist_ok=True)
    makers = {"brain 256x256x160 int16": brain, "CT 512x512x300 int16": ct, "labels 256x256x160 uint8": labels}
    for title, make in makers.items():
        path = folder / f"{make.__name__}.nii.gz"
        if not path.exists():
            nibabel.save(nibabel.Nifti1Image(make(), np.diag([1.0, 1, 1.2, 1])), path)
        yield title, path
    yield "real 128x96x24x2 int16, scaled", FIXTURES / "example4d.nii.gz"


def check(ripe, path, folder):
    """That Ripe's voxels and nibabel's are the same, read and written."""
    import nibabel

    values, written = folder / "values.npy", folder / "written.nii.gz"
    run([ripe, "bench", "volume", path, "--runs", 1, "--only", "write", "--out", written, "--values", values, "--json"])
    image, copy = nibabel.load(path), nibabel.load(written)
    expected = image.get_fdata().astype(np.float32)
    if not np.array_equal(np.load(values).T.reshape(expected.shape), expected):
        sys.exit(f"bench: {path}: other values than nibabel's")
    if not np.array_equal(image.dataobj.get_unscaled(), copy.dataobj.get_unscaled()):
        sys.exit(f"bench: {written}: other voxels than {path}")
    plain = folder / "nibabel.nii.gz"
    nibabel.save(nibabel.Nifti1Image(image.dataobj.get_unscaled(), image.affine), plain)
    return written.stat().st_size, plain.stat().st_size


def measure_volume(ripe, path, rounds):
    """Median seconds and peak megabytes by (side, step)."""
    seconds, peaks = {}, {}
    sides = {
        "ripe": lambda step, runs: [ripe, "bench", "volume", path, "--json", "--runs", runs, "--only", step],
        "nibabel": lambda step, runs: [sys.executable, HERE / "volumes_nibabel.py", path, step, runs],
    }
    for _ in range(rounds):
        for step in STEPS:
            for side, command in sides.items():
                done = run(command(step, RUNS_PER_ROUND))
                seconds.setdefault((side, step), []).append(json.loads(done.output)[step])
                peaks.setdefault((side, step), []).append(done.peak_megabytes)
    return {key: statistics.median(s) for key, s in seconds.items()}, {key: max(p) for key, p in peaks.items()}


def measure(options, results):
    folder = options.work / "volumes"
    rows, sizes = [], []
    for title, path in make_volumes(folder):
        progress(f"volumes: {title}, {options.rounds} rounds")
        ours, theirs = check(options.ripe, path, folder)
        sizes.append([title, f"{ours / 1e6:.3f}", f"{theirs / 1e6:.3f}", f"{ours / theirs:.3f}"])
        seconds, peaks = measure_volume(options.ripe, path, options.rounds)
        results[title] = {"writtenBytes": ours, "nibabelBytes": theirs}
        for step, words in STEPS.items():
            ripe, nibabel = seconds["ripe", step], seconds["nibabel", step]
            rows.append([
                f"{title}: {words}", f"{1000 * ripe:.1f}", f"{1000 * nibabel:.1f}", f"{nibabel / ripe:.1f}x",
                f"{peaks['ripe', step]:.0f}", f"{peaks['nibabel', step]:.0f}"])
            results[title][step] = {
                "ripe": ripe, "nibabel": nibabel, "ripePeakMegabytes": peaks["ripe", step],
                "nibabelPeakMegabytes": peaks["nibabel", step]}
    print_table(
        f".nii.gz, in-process medians of {options.rounds} rounds of {RUNS_PER_ROUND} runs in turns, the files in the page cache",
        ["", "ripe ms", "nibabel ms", "ripe is faster by", "ripe MB", "nibabel MB"], rows)
    print_table(
        "Size of the written .nii.gz; voxels read and written are equal", ["", "ripe MB", "nibabel MB", "ratio"], sizes)
