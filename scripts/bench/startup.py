"""What a user waits for before anything is computed."""

import statistics

from measure import print_table, run
from scoring import make_checkpoints

REPEATS = 20


def measure(options, results):
    checkpoint = make_checkpoints(options.work / "checkpoints", 1)[0]
    size = checkpoint.stat().st_size / 1e6
    commands = {
        "ripe --version": [options.ripe, "--version"],
        f"ripe inspect ({size:.0f} MB checkpoint)": [options.ripe, "inspect", checkpoint],
    }
    rows = []
    for name, command in commands.items():
        run(command)
        milliseconds = [1000 * run(command).seconds for _ in range(REPEATS)]
        rows.append([name, f"{statistics.median(milliseconds):.1f}", f"{max(milliseconds):.1f}"])
        results[name] = statistics.median(milliseconds)
    print_table(f"Start-up, {REPEATS} runs each, the file in the page cache", ["", "median ms", "slowest ms"], rows)
