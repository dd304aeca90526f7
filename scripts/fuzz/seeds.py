#!/usr/bin/env python3
"""Makes the fuzz targets' first inputs out of the fixtures (and the reference data beside the repository, if there).

    scripts/fuzz/seeds.py OUT

One folder for each target. Targets that build a container around their input get what lies inside: the pickle of a .pt,
the deflate stream of a .gz. Only the standard library is needed.
"""

import gzip
import hashlib
import struct
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = [ROOT / "fixtures", ROOT.parent / "shared" / "data" / "formats"]
GREATEST = 128 << 10


def files(*patterns):
    """Contents of the small files that match, by name."""
    for folder in FOLDERS:
        for pattern in patterns:
            for path in sorted(folder.rglob(pattern)):
                if path.is_file() and path.stat().st_size <= GREATEST:
                    yield path.name, path.read_bytes()


def members(name, data):
    """The readable members of a zip archive."""
    try:
        with zipfile.ZipFile(__import__("io").BytesIO(data)) as archive:
            return {info.filename: archive.read(info) for info in archive.infolist()}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError) as error:
        print(f"  {name}: {error}")
        return {}


def sections(*parts):
    """Parts as the targets cut them: the length of each but the last, then the parts."""
    return b"".join(struct.pack("<H", len(part)) for part in parts[:-1]) + b"".join(parts)


def inflated(data):
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def deflate_stream(data):
    """What lies between header and trailer of a gzip file's only member."""
    start, flags = 10, data[3]
    if flags & 4:
        start += 2 + int.from_bytes(data[start:start + 2], "little")
    for flag in (8, 16):
        if flags & flag:
            start = data.index(0, start) + 1
    return data[start + (2 if flags & 2 else 0):-8]


def seeds():
    """(target, content) of every seed."""
    for name, data in files("*.pt", "*.pth", "*.ckpt", "*.tar"):
        if data[:2] == b"PK":
            yield "pytorch-zip", data
            yield "zip", data
            for member, content in members(name, data).items():
                if member.endswith(".pkl"):
                    yield "pickle", content
                if member.endswith("data.pkl"):
                    yield "pytorch-pickle", content
        else:
            yield "pytorch-legacy", data
            yield "pickle", data
    for name, data in files("*.safetensors"):
        yield "safetensors", data
    for name, data in files("*.onnx"):
        yield "onnx", data
    for name, data in files("*.npy"):
        yield "numpy", data
    for name, data in files("*.npz"):
        yield "npz", data
        yield "zip", data
        for content in members(name, data).values():
            yield "numpy", content
    for name, data in files("*.h5", "*.h5.gz"):
        yield "hdf5", inflated(data)
    for name, data in files("*.keras"):
        content = members(name, data)
        config, metadata = content.get("config.json", b""), content.get("metadata.json", b"")
        weights = content.get("model.weights.h5", b"")
        if len(config) < 65536:
            yield "keras-archive", sections(config, metadata, weights)
        yield "keras-config", config
        yield "hdf5", weights
        yield "zip", data
    for name, data in files("*.json"):
        yield "json", data
        if "index" in name or name.endswith(".weights.json"):
            yield "shard-index", data
        if "config" in name:
            yield "keras-config", data
    for name, data in files("*.nii", "*.nii.gz"):
        if data[:2] == b"\x1f\x8b":
            yield "gzip", deflate_stream(data)
            yield "gzip", data
        if len(inflated(data)) <= 16384:
            yield "nifti", inflated(data)
    for folder in FOLDERS:
        for header in sorted(folder.rglob("*.hdr*")):
            for voxels in header.parent.glob(header.name.replace("hdr", "img")):
                yield "nifti-pair", sections(inflated(header.read_bytes()), inflated(voxels.read_bytes()))
    for name, data in files("*.png"):
        yield "png", data


def main():
    out, count = Path(sys.argv[1]), {}
    for target, content in seeds():
        folder = out / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / hashlib.sha1(content).hexdigest()).write_bytes(content)
    for folder in sorted(out.iterdir()):
        print(f"  {folder.name}: {len(list(folder.iterdir()))} seeds")


main()
