"""Measures Ripe's speed and memory against PyTorch and nibabel on this machine and prints medians and ratios.

    make bench                                  everything, about twenty minutes on two cores
    make bench BENCH="--parts forward,startup"  some of it

The two sides take turns in the same run, so that a slow spell of the machine hits both.
"""

import argparse
import json
import os
import platform
from pathlib import Path

PARTS = ("startup", "forward", "training", "score", "scaling", "convert", "volumes", "predict")
ROOT = Path(__file__).resolve().parents[2]


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ripe", type=Path, required=True, help="the ripe to measure")
    parser.add_argument("--parts", default=",".join(PARTS), help="comma-separated: " + ", ".join(PARTS))
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="threads of both sides")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each side in part forward")
    parser.add_argument("--score-rounds", type=int, default=2, help="turns of each side in part score")
    parser.add_argument("--training-rounds", type=int, default=3, help="turns of each side in part training")
    parser.add_argument("--training-networks", default="", help="some of part training's networks, by comma")
    parser.add_argument("--work", type=Path, default=ROOT / "bench-results", help="where data and results.json go")
    options = parser.parse_args()
    options.ripe = options.ripe.resolve()
    options.parts = options.parts.split(",")
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"unknown part {', '.join(sorted(unknown))}; known: {', '.join(PARTS)}")
    return options


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.processor()


def main():
    options = parse_options()
    options.work.mkdir(parents=True, exist_ok=True)
    results = {"schema": "ripe.bench/1", "processor": processor(), "threads": options.threads}
    print(f"{processor()}, {options.threads} threads")

    import torch
    import converting
    import forward
    import predicting
    import scoring
    import startup
    import training
    import volumes

    results["torch"] = torch.__version__
    print(f"PyTorch {torch.__version__}")
    measures = {
        "startup": startup.measure, "forward": forward.measure, "training": training.measure, "score": scoring.measure,
        "scaling": scoring.measure_scaling, "convert": converting.measure, "volumes": volumes.measure,
        "predict": predicting.measure}
    for part in options.parts:
        results[part] = {}
        measures[part](options, results[part])
    path = options.work / "results.json"
    path.write_text(json.dumps(results, indent=1) + "\n")
    print(f"\nThe numbers are in {path}.")


main()
