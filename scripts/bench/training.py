"""Training steps: `ripe bench train` against PyTorch eager in both of its layouts, each in processes of its own, in turns.

A step is a forward pass in training mode, Dice and cross-entropy, a backward pass and an update by SGD with momentum 0.9
and weight decay 1e-4. The networks in PyTorch are those of fixtures/generate/segmentation_networks.py, which the gradients are
checked against.
"""

import json
import statistics
import sys
import time
from pathlib import Path

if __name__ != "__main__":
    from measure import print_table, progress, run

ROOT = Path(__file__).resolve().parents[2]
BATCH, SIZE, STEPS, WARM_UP = 8, 224, 5, 2

# key -> (title, words for ripe)
NETWORKS = {
    "unet-resnet50": ("U-Net on ResNet-50", ["--network", "unet", "--arch", "resnet50"]),
    "unet-basic": ("U-Net, the paper's", ["--network", "unet", "--arch", "unet-encoder"]),
    "attention-unet": ("Attention U-Net on DeepResNet-50", ["--network", "attention-unet", "--arch", "deepresnet50"]),
    "swin-unet": ("Swin U-Net", ["--network", "swin-unet", "--arch", "seed-swin-t"]),
}
FIGURES = ("imagesPerSecond", "processorSeconds", "peakMegabytes")
LAYOUTS = {"contiguous": "PyTorch eager", "channels_last": "PyTorch eager, channels last"}


def torch_network(name):
    """The network behind a key, as a PyTorch module that gives one logit a pixel."""
    sys.path.insert(0, str(ROOT / "fixtures" / "generate"))
    import segmentation_networks as nets

    if name == "unet-resnet50":
        return nets.UNet(levels_of_resnet50(), [256, 128, 64, 32, 16], 1, False)
    if name == "unet-basic":
        return nets.UNet(nets.UNetEncoder((64, 128, 256, 512, 1024)), [512, 256, 128, 64], 1, False)
    if name == "attention-unet":
        encoder = nets.DeepResNet((256, 512, 1024, 2048), (3, 4, 6, 3), 64)
        return nets.UNet(encoder, [256, 128, 64, 32, 16], 1, True)
    return nets.SwinUNet(1, dim=96, heads=(3, 6, 12, 24))


def levels_of_resnet50():
    """torchvision's ResNet-50 as an encoder: the stem before its max-pool, then each stage."""
    import torchvision_cpu  # noqa: F401
    import torchvision

    class Encoder(torchvision.models.ResNet):
        channels, strides = [64, 256, 512, 1024, 2048], [2, 4, 8, 16, 32]

        def forward(self, x, kept=None):
            levels = [self.relu(self.bn1(self.conv1(x)))]
            x = self.maxpool(levels[0])
            for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
                x = stage(x)
                levels.append(x)
            return levels

    encoder = Encoder(torchvision.models.resnet.Bottleneck, [3, 4, 6, 3])
    encoder.fc = None
    return encoder


def peak_megabytes():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def loss_of(logits, targets):
    """Cross-entropy and Dice, as Ripe's default."""
    import torch

    chances = torch.sigmoid(logits)
    overlap, sizes = (chances * targets).sum(), (chances * chances).sum() + (targets * targets).sum()
    dice = 1 - (2 * overlap + 1e-5) / (sizes + 1e-5)
    return torch.nn.functional.binary_cross_entropy_with_logits(logits, targets) + dice


def train_with_torch(name, layout, threads):
    """Prints the rate and the peak memory of one process, as `ripe bench train --json` does."""
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    memory_format = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    model = torch_network(name).train().to(memory_format=memory_format)
    images = torch.rand(BATCH, 3, SIZE, SIZE).contiguous(memory_format=memory_format)
    targets = torch.randint(0, 2, (BATCH, 1, SIZE, SIZE)).float()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, weight_decay=1e-4)
    seconds, processor = [], []
    for _ in range(WARM_UP + STEPS):
        start, used = time.perf_counter(), time.process_time()
        optimizer.zero_grad()
        loss_of(model(images), targets).backward()
        optimizer.step()
        seconds.append(time.perf_counter() - start)
        processor.append(time.process_time() - used)
    print(json.dumps({
        "imagesPerSecond": BATCH / statistics.median(seconds[WARM_UP:]), "peakMegabytes": peak_megabytes(),
        "processorSeconds": statistics.median(processor[WARM_UP:])}))


def measure_network(options, name, words):
    """Reports of every side, in turns."""
    sizes = ["--image-size", SIZE, "--batch", BATCH, "--threads", options.threads, "--runs", STEPS, "--json"]
    commands = {"ripe": [options.ripe, "bench", "train", *words, *sizes]}
    for layout in LAYOUTS:
        commands[layout] = [sys.executable, __file__, name, layout, options.threads]
    reports = {side: [] for side in commands}
    for _ in range(options.training_rounds):
        for side, command in commands.items():
            reports[side].append(json.loads(run(command).output))
    return {
        side: {key: statistics.median(report[key] for report in found) for key in FIGURES}
        for side, found in reports.items()}


def measure(options, results):
    rows = []
    for name, (title, words) in NETWORKS.items():
        if options.training_networks and name not in options.training_networks.split(","):
            continue
        progress(f"training: {title}, {options.training_rounds} rounds")
        found = measure_network(options, name, words)
        ours = found["ripe"]
        rows.append([
            f"{title}: ripe", f"{ours['imagesPerSecond']:.2f}", "", f"{ours['processorSeconds']:.2f}",
            f"{ours['peakMegabytes']:.0f}", ""])
        for layout, words_for_layout in LAYOUTS.items():
            theirs = found[layout]
            rows.append([
                f"{title}: {words_for_layout}", f"{theirs['imagesPerSecond']:.2f}",
                f"{ours['imagesPerSecond'] / theirs['imagesPerSecond']:.2f}x", f"{theirs['processorSeconds']:.2f}",
                f"{theirs['peakMegabytes']:.0f}", f"{ours['peakMegabytes'] / theirs['peakMegabytes']:.2f}"])
        results[name] = found
    print_table(
        f"Training step, float32, {SIZE}x{SIZE}, batch {BATCH}, {options.threads} threads, medians of {options.training_rounds} rounds in turns",
        ["", "images/s", "ripe is faster by", "CPU s/step", "peak MB", "ripe's share"], rows)


if __name__ == "__main__":
    train_with_torch(sys.argv[1], sys.argv[2], int(sys.argv[3]))
