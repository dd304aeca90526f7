"""The script that a user writes to segment a volume with a trained smp Unet: nibabel reads, PyTorch computes, nibabel writes.

Prints JSON: the seconds from opening the volume to the written label map, imports and model loading left out.
"""

import argparse
import json
import time

import nibabel
import numpy as np
import torch

import torchvision_cpu  # noqa: F401
import segmentation_models_pytorch as smp


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("volume")
    parser.add_argument("out")
    parser.add_argument("--encoder", required=True)
    parser.add_argument("--classes", type=int, required=True)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--channels-last", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    network = smp.Unet(options.encoder, encoder_weights=None, classes=options.classes)
    network.load_state_dict(torch.load(options.model, weights_only=True), strict=True)
    network.eval()
    layout = torch.channels_last if options.channels_last else torch.contiguous_format
    network.to(memory_format=layout)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)

    start = time.perf_counter()
    image = nibabel.load(options.volume)
    # Axial slices standing upright: rows from front to back, columns from right to left in RAS.
    data = nibabel.as_closest_canonical(image).get_fdata(dtype=np.float32)
    low, high = np.percentile(data, [0.5, 99.5])
    slices = torch.from_numpy(np.ascontiguousarray(data.transpose(2, 1, 0)[:, ::-1])).unsqueeze(1)
    slices = ((slices - float(low)) / float(high - low)).clamp(0, 1)
    masks = []
    with torch.inference_mode():
        for first in range(0, len(slices), options.batch):
            batch = slices[first:first + options.batch]
            shape = batch.shape[2:]
            resize = tuple(shape) != (options.size, options.size)
            if resize:
                batch = torch.nn.functional.interpolate(
                    batch, (options.size, options.size), mode="bilinear", antialias=True)
            batch = ((batch.expand(-1, 3, -1, -1) - mean) / deviation).to(memory_format=layout)
            probabilities = network(batch).softmax(1)
            if resize:
                probabilities = torch.nn.functional.interpolate(
                    probabilities, shape, mode="bilinear", antialias=True)
            masks.append(probabilities.argmax(1).to(torch.uint8).numpy())
    canonical = np.concatenate(masks)[:, ::-1].transpose(2, 1, 0)
    ornt = nibabel.orientations.ornt_transform(
        nibabel.orientations.axcodes2ornt("RAS"), nibabel.io_orientation(image.affine))
    labels = nibabel.orientations.apply_orientation(canonical, ornt)
    result = nibabel.Nifti1Image(np.ascontiguousarray(labels), image.affine, image.header)
    result.set_data_dtype(np.uint8)
    nibabel.save(result, options.out)
    print(json.dumps({"seconds": time.perf_counter() - start}))


main()
