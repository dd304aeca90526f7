"""The paper's ResNet and U-Net encoders, rebuilt in PyTorch from their description.

Parameter names are those of the authors' checkpoints, so that a state_dict saved here is one Ripe recognises.
"""

import torch
from torch import nn


class Bottleneck(nn.Module):
    """Residual bottleneck whose shortcut has no weights: subsampling and zero channels."""

    def __init__(self, channels_in, channels, stride, keep):
        super().__init__()
        inner = channels // 4
        self.conv1 = nn.Conv2d(channels_in, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels)
        self.stride, self.growth, self.keep = stride, channels - channels_in, keep

    def forward(self, x):
        branch = torch.relu(self.bn1(self.conv1(x)))
        branch = torch.relu(self.bn2(self.conv2(branch)))
        branch = self.bn3(self.conv3(branch))
        if self.stride > 1:
            x = nn.functional.avg_pool2d(x, 1, self.stride)
        if self.growth > 0:
            x = nn.functional.pad(x, (0, 0, 0, 0, 0, self.growth))
        # The authors' stochastic depth scales the branch at evaluation.
        return torch.relu(x + branch * self.keep)


class DeepResNet(nn.Module):
    """Levels: the stem before its max-pool, then each stage."""

    def __init__(self, widths=(3, 4, 6, 3), channels=(256, 512, 1024, 2048), base=64, stochastic_depth_rate=0.1):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, base, 7, stride=2, padding=3, bias=False), nn.BatchNorm2d(base), nn.ReLU())
        keep = (1 - torch.linspace(0, stochastic_depth_rate, sum(widths))).tolist()
        self.levels, previous = nn.ModuleList(), base
        for stage, (width, current) in enumerate(zip(widths, channels)):
            blocks = []
            for block in range(width):
                stride = 2 if stage > 0 and block == 0 else 1
                blocks.append(Bottleneck(previous, current, stride, keep.pop(0)))
                previous = current
            self.levels.append(nn.Sequential(*blocks))

    def forward(self, x):
        x = self.stem(x)
        features = [x]
        x = nn.functional.max_pool2d(x, 3, 2, 1)
        for level in self.levels:
            x = level(x)
            features.append(x)
        return features


class DoubleConvolution(nn.Module):
    def __init__(self, channels_in, channels):
        super().__init__()
        self.block = nn.Sequential(
            nn.Conv2d(channels_in, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU())

    def forward(self, x):
        return self.block(x)


class UNetEncoder(nn.Module):
    """Levels: each double convolution before its max-pool, then the bottom."""

    def __init__(self, channels=(64, 128, 256, 512, 1024)):
        super().__init__()
        self.first_block = nn.Conv2d(3, channels[0], 3, padding="same")
        inputs = (channels[0],) + channels[:-2]
        self.down_layers = nn.ModuleList(
            nn.ModuleDict({"conv0": DoubleConvolution(i, o)}) for i, o in zip(inputs, channels[:-1]))
        self.bottom_block = nn.ModuleDict({"conv0": DoubleConvolution(channels[-2], channels[-1])})

    def forward(self, x):
        x = self.first_block(x)
        features = []
        for level in self.down_layers:
            x = level["conv0"](x)
            features.append(x)
            x = nn.functional.max_pool2d(x, 2)
        features.append(self.bottom_block["conv0"](x))
        return features


class Classifier(nn.Module):
    """An encoder with a classification head, laid out as the authors' pretraining model."""

    def __init__(self, encoder, channels, classes):
        super().__init__()
        self.layers = nn.ModuleList([encoder, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)])
