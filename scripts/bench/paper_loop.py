"""The authors' scoring loop, rebuilt in PyTorch: what a user would run without Ripe.

    python paper_loop.py IMAGES_FOLDER CHECKPOINT... --threads N

Every image is loaded, both views are jittered as one tensor each, the encoder runs over batches of 32, all levels of all
images are kept and concatenated, and each setting's hinge is averaged over the images. Where the released code does not
run (it flattens a list) it is mended; and it is asked for every level at once, so that each view costs one forward pass
and not one per level: the kindest reading.
Prints one JSON object: checkpoint name -> {"level/pooling/distance/margin": score}.
"""

import argparse
import json
import os
from pathlib import Path

import numpy as np
import torch
import torchvision_cpu  # noqa: F401
from PIL import Image
from torchvision.transforms import ColorJitter

from networks import DeepResNet

BATCH = 32
MARGINS = (0.0, 0.25, 0.5, 0.75, 1.0)


def cosine(a, b):
    return 1 - (a * b).sum(1) / torch.sqrt((a * a).sum(1) * (b * b).sum(1))


def mean_square(a, b):
    return ((a - b) ** 2).mean(1)


def pearson(a, b):
    return cosine(a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True))


DISTANCES = {"cosine": cosine, "l2": mean_square, "pearson": pearson}


def load_images(folder):
    images = [np.asarray(Image.open(path).convert("RGB")) for path in sorted(Path(folder).iterdir())]
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255


def load_encoder(path):
    state = torch.load(path, map_location="cpu", weights_only=True)
    encoder = DeepResNet()
    prefix = "layers.0."
    encoder.load_state_dict({k[len(prefix):]: v for k, v in state.items() if k.startswith(prefix)})
    return encoder.eval()


def predict(encoder, images):
    batches = [encoder(batch) for batch in images.split(BATCH)]
    return [torch.cat(level) for level in zip(*batches)]


def negatives(count):
    """The paper's pairing: 0 with 1, j with count + 1 - j."""
    return [1, 0] + [count + 1 - j for j in range(2, count)]


def score(features):
    result, first, second = {}, features[0], features[1]
    for level, (a, b) in enumerate(zip(first, second), start=1):
        for pooling in ("pooled", "flat"):
            x, y = (v.flatten(2).mean(2) if pooling == "pooled" else v.flatten(1) for v in (a, b))
            strangers = y[negatives(len(y))]
            for name, distance in DISTANCES.items():
                difference = distance(x, y) - distance(x, strangers)
                for margin in MARGINS:
                    key = f"{level}/{pooling}/{name}/{margin}"
                    result[key] = torch.clamp(difference + margin, min=0).mean().item()
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("images")
    parser.add_argument("checkpoints", nargs="+")
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)

    images = load_images(arguments.images)
    jitter = ColorJitter(brightness=0.1, contrast=0.05, saturation=0.1, hue=0.05)
    scores = {}
    with torch.no_grad():
        views = [jitter(images) for _ in range(2)]
        for path in arguments.checkpoints:
            encoder = load_encoder(path)
            scores[os.path.basename(path)] = score([predict(encoder, view) for view in views])
    print(json.dumps(scores))


main()
