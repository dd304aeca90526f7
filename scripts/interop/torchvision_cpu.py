"""Import this before torchvision.

torchvision's wheel on PyPI is built against PyTorch with CUDA. Beside a CPU-only PyTorch its compiled operations do not
load, and importing it fails where it registers fake versions of two of them. Declaring those two lets the import
pass; nothing here uses them.
"""

import torch

try:
    import torchvision  # noqa: F401
except RuntimeError:
    _library = torch.library.Library("torchvision", "DEF")
    for _name in ("nms", "qnms"):
        _library.define(_name + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
