"""nibabel's side of part volumes: FILE STEP RUNS; prints the median seconds as JSON.

Steps: read (voxels as stored), floats (get_fdata), write (to .nii.gz with nibabel's own compression,
then fsync, which Ripe's writer does too).
"""

import json
import os
import statistics
import sys
import tempfile
import time

import nibabel
import numpy as np


def main():
    path, step, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
    voxels = image = None
    if step == "write":
        source = nibabel.load(path)
        voxels = np.asanyarray(source.dataobj.get_unscaled())
        image = nibabel.Nifti1Image(voxels, source.affine)
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(runs + 1):
            start = time.perf_counter()
            if step == "read":
                nibabel.load(path).dataobj.get_unscaled()
            elif step == "floats":
                nibabel.load(path).get_fdata()
            else:
                nibabel.save(image, f"{folder}/written.nii.gz")
                with open(f"{folder}/written.nii.gz", "rb") as file:
                    os.fsync(file.fileno())
            seconds.append(time.perf_counter() - start)
    print(json.dumps({step: statistics.median(seconds[1:])}))


main()
