# Writes the curve to TensorBoard where a trainer's own logging cannot place it at the epoch it belongs to.

from __future__ import annotations

import os
from typing import Any, Optional


class CurveWriter:
    """Writes scalars to a run `ripe` in a TensorBoard folder, with whichever writer is installed.

    Without a folder it writes nothing.
    """

    def __init__(self, folder: Optional[Any]):
        self._folder = None if folder is None else os.path.join(os.fspath(folder), "ripe")
        self._writer: Any = None

    def write(self, metrics: dict[str, float], step: int) -> None:
        """Writes values at a step."""
        if self._folder is None:
            return
        if self._writer is None:
            self._writer = _writer(self._folder)
        for name, value in metrics.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def close(self) -> None:
        """Ends writing; a later `write` begins another file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class _TensorFlowWriter:
    """TensorFlow's summary writer with the methods of the others'."""

    def __init__(self, folder: str):
        from tensorflow import summary

        self._summary = summary
        self._writer = summary.create_file_writer(folder)

    def add_scalar(self, name: str, value: float, step: int) -> None:
        with self._writer.as_default():
            self._summary.scalar(name, value, step=step)

    def flush(self) -> None:
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


def _writer(folder: str) -> Any:
    for make in (_TensorFlowWriter, _torch_writer, _tensorboardx_writer):
        try:
            return make(folder)
        except ImportError:
            continue
    raise ImportError(
        "no TensorBoard writer is installed: pip install tensorboardX, or leave tensorboard= out"
    )


def _torch_writer(folder: str) -> Any:
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(folder)


def _tensorboardx_writer(folder: str) -> Any:
    from tensorboardX import SummaryWriter

    return SummaryWriter(folder)
