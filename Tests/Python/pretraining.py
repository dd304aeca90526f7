# A real pretraining on the fixtures: brain slices, of which a network tells by how many quarter turns they
# are rotated.

from __future__ import annotations

import numpy

from support import FIXTURES


def slices() -> numpy.ndarray:
    """Brain slices: 32 images x 3 channels x 64 x 64, float32, 0...1."""
    grey = numpy.load(FIXTURES / "views" / "views64_0.npy")
    return numpy.repeat(grey[:, None], 3, axis=1)


def rotated(count: int, seed: int) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Slices that are rotated, shifted and made noisy, and the number of quarter turns of each (0 to 3)."""
    random = numpy.random.default_rng(seed)
    images, turns = slices(), random.integers(0, 4, count)
    made = []
    for turn in turns:
        image = numpy.rot90(images[random.integers(len(images))], turn, axes=(1, 2))
        image = numpy.roll(image, random.integers(-6, 7, 2), axis=(1, 2))
        made.append(image + random.normal(0, 0.05, image.shape))
    return numpy.stack(made).astype("float32"), turns.astype("int64")


def resnet(classes: int = 4, width: int = 16):
    """A ResNet with torchvision's names: 0.3 million parameters, or 4.9 with a width of 64."""
    from torch import nn

    class Block(nn.Module):
        def __init__(self, inputs: int, outputs: int, stride: int):
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(outputs)
            self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(outputs)
            self.relu = nn.ReLU()
            self.downsample = None
            if stride > 1:
                convolution = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
                self.downsample = nn.Sequential(convolution, nn.BatchNorm2d(outputs))

        def forward(self, images):
            maps = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(images)))))
            return self.relu(maps + (self.downsample(images) if self.downsample else images))

    class ResNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
            self.bn1 = nn.BatchNorm2d(width)
            self.relu = nn.ReLU()
            self.maxpool = nn.MaxPool2d(3, 2, 1)
            self.layer1 = nn.Sequential(Block(width, width, 1))
            self.layer2 = nn.Sequential(Block(width, 2 * width, 2))
            self.layer3 = nn.Sequential(Block(2 * width, 4 * width, 2))
            self.layer4 = nn.Sequential(Block(4 * width, 8 * width, 2))
            self.fc = nn.Linear(8 * width, classes)

        def forward(self, images):
            maps = self.maxpool(self.relu(self.bn1(self.conv1(images))))
            for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
                maps = stage(maps)
            return self.fc(maps.mean((2, 3)))

    return ResNet()


def keras_resnet(classes: int = 4):
    """A small residual network of Keras layers, for images of 64 x 64 x 3."""
    import keras
    from keras import layers

    def block(maps, channels, stride):
        inner = layers.Conv2D(channels, 3, stride, padding="same", use_bias=False)(maps)
        inner = layers.ReLU()(layers.BatchNormalization()(inner))
        inner = layers.BatchNormalization()(layers.Conv2D(channels, 3, padding="same", use_bias=False)(inner))
        if stride > 1:
            maps = layers.BatchNormalization()(layers.Conv2D(channels, 1, stride, use_bias=False)(maps))
        return layers.ReLU()(layers.Add()([maps, inner]))

    images = keras.Input((64, 64, 3))
    maps = layers.ReLU()(
        layers.BatchNormalization()(layers.Conv2D(16, 3, 2, padding="same", use_bias=False)(images))
    )
    for channels, stride in ((16, 1), (32, 2), (64, 2), (128, 2)):
        maps = block(maps, channels, stride)
    logits = layers.Dense(classes)(layers.GlobalAveragePooling2D()(maps))
    return keras.Model(images, logits, name="small_resnet")


class RotatedSlices:
    """A PyTorch data set of rotated slices."""

    def __init__(self, count: int, seed: int = 0):
        self.images, self.turns = rotated(count, seed)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, number: int):
        return self.images[number], self.turns[number]


class HuggingFaceSlices(RotatedSlices):
    """The same as the Hugging Face Trainer takes them."""

    def __getitem__(self, number: int):
        import torch

        image, turns = super().__getitem__(number)
        return {"pixel_values": torch.from_numpy(image), "labels": turns}


def lightning_module(rate: float):
    """A LightningModule with a network of 4.9 million parameters, `model`, that learns the turns by SGD."""
    import pytorch_lightning
    import torch

    class Rotations(pytorch_lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.model = resnet(width=64)

        def training_step(self, batch, _):
            return torch.nn.functional.cross_entropy(self.model(batch[0]), batch[1])

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), rate, momentum=0.9)

    return Rotations()


def hugging_face_model(width: int = 16):
    """A model for the Hugging Face Trainer with a network, `backbone`, that learns the turns."""
    import torch

    class Rotations(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.backbone = resnet(width=width)

        def forward(self, pixel_values, labels):
            logits = self.backbone(pixel_values)
            return {"loss": torch.nn.functional.cross_entropy(logits, labels), "logits": logits}

    return Rotations()


def curve_of(folder, name: str) -> list[tuple[int, float]]:
    """The points (step, value) of a curve in the TensorBoard files below a folder, by step."""
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
    from tensorboard.util import tensor_util

    points = []
    for path in sorted(folder.rglob("events.out.tfevents.*")):
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                if value.tag == name:
                    points.append((event.step, float(tensor_util.make_ndarray(value.tensor))))
    return sorted(points)
