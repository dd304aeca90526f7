"""Encoder forward pass: `ripe bench forward` against three ways of running PyTorch, in turns."""

import json
import statistics
import time

import torch
import torchvision_cpu  # noqa: F401
import torchvision
from torch import nn

from measure import print_table, progress, run
from networks import UNetEncoder

BATCH, SIZE, RUNS_PER_ROUND = 8, 224, 3


class Deepest(nn.Module):
    """An encoder's last level alone."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, x):
        return self.encoder(x)[-1]


# Ripe's name -> (title, PyTorch module that computes the same map)
NETWORKS = {
    "resnet50": ("ResNet-50", lambda: nn.Sequential(*list(torchvision.models.resnet50(weights=None).children())[:-2])),
    "vgg16_bn": ("VGG-16-BN", lambda: torchvision.models.vgg16_bn(weights=None).features),
    "unet-encoder": ("U-Net encoder", lambda: Deepest(UNetEncoder())),
}


def variants(module):
    images = torch.rand(BATCH, 3, SIZE, SIZE)
    module = module.eval()
    frozen = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(module, images)))
    yield "PyTorch eager", module, images
    yield "torch.jit frozen, optimize_for_inference", frozen, images
    # Last, for it changes the module's own weights.
    yield "PyTorch eager, channels last", None, images.contiguous(memory_format=torch.channels_last)


def seconds_per_batch(module, images):
    times = []
    for _ in range(RUNS_PER_ROUND):
        start = time.perf_counter()
        module(images)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def measure_network(ripe, arch, build, threads, rounds):
    """Rates in images per second by variant, plus Ripe's own report."""
    torch.manual_seed(0)
    contenders = {}
    for name, module, images in variants(build()):
        if module is None:
            module = build().eval().to(memory_format=torch.channels_last)
        contenders[name] = (module, images)
    rates, reports = {name: [] for name in contenders}, []
    command = [ripe, "bench", "forward", "--arch", arch, "--image-size", SIZE, "--batch", BATCH, "--threads", threads, "--json"]
    with torch.inference_mode():
        for module, images in contenders.values():
            for _ in range(2):
                module(images)
        for _ in range(rounds):
            reports.append(json.loads(run(command).output))
            for name, (module, images) in contenders.items():
                rates[name].append(BATCH / seconds_per_batch(module, images))
    return {name: statistics.median(values) for name, values in rates.items()}, reports


def measure(options, results):
    torch.set_num_threads(options.threads)
    rows = []
    for arch, (title, build) in NETWORKS.items():
        progress(f"forward: {title}, {options.rounds} rounds")
        rates, reports = measure_network(options.ripe, arch, build, options.threads, options.rounds)
        ours = statistics.median(report["imagesPerSecond"] for report in reports)
        gflops = statistics.median(report["gflops"] for report in reports)
        sgemm = statistics.median(report["sgemmGflops"] for report in reports)
        rows.append([f"{title}: ripe", f"{ours:.1f}", "", f"{gflops:.0f}", f"{100 * gflops / sgemm:.0f} %"])
        for name, rate in rates.items():
            rows.append([f"{title}: {name}", f"{rate:.1f}", f"{ours / rate:.2f}x", f"{gflops * rate / ours:.0f}", ""])
        results[arch] = {"ripe": ours, "gflops": gflops, "sgemmGflops": sgemm, **rates}
    print_table(
        f"Encoder forward, float32, {SIZE}x{SIZE}, batch {BATCH}, {options.threads} threads, medians of {options.rounds} rounds in turns",
        ["", "images/s", "ripe is faster by", "GFLOP/s (direct)", "of SGEMM"], rows)
