"""Lets torchvision from PyPI, which is built against PyTorch with CUDA, be imported beside a PyTorch without it.

Its compiled operations do not load there, and the import fails where it registers fake versions of two of them. Those two
are declared just before. Nothing here uses them. scripts/python-environment.sh puts this file into the environment as
sitecustomize.py, which Python imports when it starts.
"""

import sys


class OperationDeclarer:
    """Is asked about every import, and finds no module itself."""

    library = None

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name == "torchvision._meta_registrations" and not sys.modules["torchvision.extension"]._has_ops():
            import torch

            cls.library = torch.library.Library("torchvision", "DEF")
            for operation in ("nms", "qnms"):
                cls.library.define(operation + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


sys.meta_path.insert(0, OperationDeclarer)
