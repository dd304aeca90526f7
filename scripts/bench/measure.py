"""Runs commands and says how long they took and how much memory they held; prints tables."""

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass


@dataclass
class Run:
    seconds: float
    peak_megabytes: float
    output: str


def run(command):
    """Runs a command to its end. Peak memory is the kernel's own count for that one process."""
    start = time.perf_counter()
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"bench: exit code {process.returncode} from: {' '.join(map(str, command))}")
    return Run(seconds, usage.ru_maxrss / 1024, output)


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
