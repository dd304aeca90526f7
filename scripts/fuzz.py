#!/usr/bin/env python3
"""Damages real files in many ways and checks that `ripe inspect` answers each with numbers or a one-line error.

    scripts/fuzz.py --ripe .build/release/ripe --seconds 120 fixtures/formats/*

A finding is a crash, a hang, an exit code other than 0 and 1, an error of more than one line, or output that is not JSON.
Damaged files that lead to one are kept in the folder given with --keep. Equal seeds give equal damage.
"""

import argparse
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

INTERESTING = [b"\0" * 4, b"\xff" * 4, b"\xff" * 8, b"\0" * 8, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", (1 << 40).to_bytes(8, "little")]
MEMORY_LIMIT = 4 << 30


def damaged(original, chance):
    """A copy with one to a few kinds of damage, most of it small and near the beginning or end, where headers are."""
    data = bytearray(original)
    for _ in range(chance.choice([1, 1, 1, 2, 4, 16])):
        if not data:
            break
        span = chance.choice([64, 512, 4096, len(data)])
        span = min(span, len(data))
        at = chance.randrange(span) if chance.random() < 0.7 else len(data) - 1 - chance.randrange(span)
        kind = chance.randrange(7)
        if kind == 0:
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            data[at] = chance.randrange(256)
        elif kind == 2:
            value = chance.choice(INTERESTING)
            data[at:at + len(value)] = value
        elif kind == 3:
            del data[at:at + chance.choice([1, 2, 8, 100])]
        elif kind == 4:
            data[at:at] = bytes(chance.randrange(256) for _ in range(chance.choice([1, 2, 8, 100])))
        elif kind == 5:
            other = chance.randrange(len(data))
            data[at:at + 16] = data[other:other + 16]
        else:
            del data[max(at, 1):]
    return bytes(data)


def limits():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def finding(ripe, path, seconds):
    """What is wrong with the answer to one file; None if nothing."""
    environment = {**os.environ, "SWIFT_BACKTRACE": "enable=no"}
    try:
        done = subprocess.run(
            [ripe, "inspect", path, "--json"], capture_output=True, timeout=seconds, preexec_fn=limits, env=environment)
    except subprocess.TimeoutExpired:
        return f"hung for {seconds} s"
    if done.returncode < 0:
        return f"died of {signal.Signals(-done.returncode).name}"
    if done.returncode not in (0, 1):
        return f"exit code {done.returncode}"
    if done.returncode == 1:
        text = done.stderr.decode(errors="replace").strip()
        return None if text.startswith("ripe: ") and text.count("\n") == 0 else f"odd error: {text[:300]!r}"
    try:
        json.loads(done.stdout)
    except ValueError as error:
        return f"not JSON: {error}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ripe", required=True)
    parser.add_argument("--seconds", type=float, default=60, help="how long to go on")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--timeout", type=float, default=20, help="seconds that count as a hang")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-findings"))
    parser.add_argument("files", nargs="+", type=Path)
    options = parser.parse_args()
    files = [file for file in options.files if file.is_file() and file.stat().st_size < 4 << 20]
    contents = [file.read_bytes() for file in files]
    tried, found, end = 0, 0, time.monotonic() + options.seconds
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < end:
            chance = random.Random(f"{options.seed} {tried}")
            index = chance.randrange(len(files))
            path = Path(folder) / files[index].name
            path.write_bytes(damaged(contents[index], chance))
            problem = finding(options.ripe, path, options.timeout)
            if problem:
                found += 1
                options.keep.mkdir(parents=True, exist_ok=True)
                kept = options.keep / f"{options.seed}-{tried}-{files[index].name}"
                kept.write_bytes(path.read_bytes())
                print(f"{kept}: {problem}", flush=True)
            tried += 1
    print(f"{tried} damaged copies of {len(files)} files, {found} findings")
    sys.exit(1 if found else 0)


main()
