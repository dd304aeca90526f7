"""Converting a ResNet-50's weights: `ripe convert` against the Python script a user would write, and against `cp`.

Whole processes, in turns, the file in the page cache. Ripe makes its output durable (fsync) before it gives it its name,
which `cp` and the scripts do not; so `cp` is measured with `sync FILE` too, and that is the one to compare with.
"""

import os
import subprocess
import sys

from measure import median_run, print_table, progress, run
from scoring import make_checkpoints

# What a user would write: both libraries loaded, everything in memory.
SCRIPTS = {
    "safetensors": "import sys, torch; from safetensors.torch import save_file\n"
    "save_file(torch.load(sys.argv[1], map_location='cpu'), sys.argv[2])",
    "h5": "import sys, torch, h5py\n"
    "weights = torch.load(sys.argv[1], map_location='cpu')\n"
    "with h5py.File(sys.argv[2], 'w') as file:\n"
    "    for name, value in weights.items(): file.create_dataset(name, data=value.numpy())",
    "npz": "import sys, torch, numpy\n"
    "weights = torch.load(sys.argv[1], map_location='cpu')\n"
    "numpy.savez(sys.argv[2], **{name: value.numpy() for name, value in weights.items()})",
}
COPY = ["sh", "-c", 'cp "$1" "$2"', "sh"]
COPY_AND_SYNC = ["sh", "-c", 'cp "$1" "$2" && sync "$2"', "sh"]


def check(ripe, source, output):
    """That the output holds the source's tensors, bit for bit."""
    if subprocess.run([ripe, "diff", source, output], stdout=subprocess.DEVNULL).returncode != 0:
        sys.exit(f"bench: {output} is not equal to {source}")


def measure(options, results):
    folder = options.work / "converted"
    folder.mkdir(parents=True, exist_ok=True)
    source = make_checkpoints(options.work / "checkpoints", 1)[0]
    rows = []
    for ending, script in SCRIPTS.items():
        progress(f"convert: {ending}, {options.rounds} rounds")
        ours, theirs = folder / f"ripe.{ending}", folder / f"python.{ending}"
        sides = {
            "ripe": [options.ripe, "convert", source, ours, "--overwrite"],
            "python": [sys.executable, "-c", script, source, theirs],
            "cp": [*COPY, source, folder / "copy"], "cp+sync": [*COPY_AND_SYNC, source, folder / "copy"],
        }
        runs = {side: [] for side in sides}
        for _ in range(options.rounds):
            for side, command in sides.items():
                os.sync()  # nobody pays for what another wrote
                for output in (ours, theirs, folder / "copy"):
                    output.unlink(missing_ok=True)
                runs[side].append(run(command))
        check(options.ripe, source, _made(options.ripe, source, ours))
        medians = {side: median_run(found) for side, found in runs.items()}
        ripe = medians["ripe"]
        rows.append([
            f".pt to .{ending}", f"{1000 * ripe.seconds:.0f}", f"{1000 * medians['python'].seconds:.0f}",
            f"{medians['python'].seconds / ripe.seconds:.1f}x", f"{1000 * medians['cp'].seconds:.0f}",
            f"{1000 * medians['cp+sync'].seconds:.0f}", f"{ripe.seconds / medians['cp+sync'].seconds:.2f}",
            f"{ripe.peak_megabytes:.0f}", f"{medians['python'].peak_megabytes:.0f}"])
        results[ending] = {
            side: {"seconds": found.seconds, "peakMegabytes": found.peak_megabytes} for side, found in medians.items()}
    print_table(
        f"Converting {source.stat().st_size / 1e6:.0f} MB, medians of {options.rounds} runs in turns", [
            "", "ripe ms", "Python ms", "ripe is faster by", "cp ms", "cp+sync ms", "ripe / cp+sync", "ripe MB",
            "Python MB"], rows)


def _made(ripe, source, output):
    run([ripe, "convert", source, output, "--overwrite"])
    return output
