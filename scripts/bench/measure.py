"""Runs commands and says how long they took and how much memory they held; prints tables."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass


@dataclass
class Run:
    seconds: float
    peak_megabytes: float
    output: str


def run(command):
    """Runs a command to its end.

    It is started by a small process of its own, for a process begins with its parent's size as its peak memory, and
    this one may have PyTorch and its feature maps inside.
    """
    with tempfile.NamedTemporaryFile("r") as numbers:
        words = [sys.executable, "-I", "-S", __file__, numbers.name, *map(str, command)]
        done = subprocess.run(words, stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            sys.exit(f"bench: exit code {done.returncode} from: {' '.join(map(str, command))}")
        seconds, peak_kilobytes = numbers.read().split()
    return Run(float(seconds), int(peak_kilobytes) / 1024, done.stdout)


def run_and_note(path, command):
    """Runs a command, writes its seconds and peak kilobytes to a file and ends with its exit code."""
    start = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    with open(path, "w") as file:
        print(seconds, usage.ru_maxrss, file=file)
    sys.exit(os.waitstatus_to_exitcode(status) & 255)


def median_run(runs):
    return Run(
        statistics.median(r.seconds for r in runs), statistics.median(r.peak_megabytes for r in runs), runs[0].output)


def print_table(title, header, rows):
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(header, *rows)]
    print(f"\n{title}\n")
    for row in [header, ["-" * width for width in widths], *rows]:
        # The first column is words, the others are numbers.
        cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        print("  " + "  ".join(cells).rstrip())
    sys.stdout.flush()


def progress(text):
    print(f"[bench] {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    run_and_note(sys.argv[1], sys.argv[2:])
