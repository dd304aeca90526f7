# Arrays that were made elsewhere (NumPy, tensors, buffers) as pointers to float32, without importing what
# made them.

from __future__ import annotations

import ctypes
from typing import Any, Optional

from ripe.errors import UsageError

_FLOATS = ctypes.POINTER(ctypes.c_float)


class Views:
    """Two views of the same images as the library takes them. Keeps what the pointers point to alive."""

    def __init__(self, first: Any, second: Any):
        """Raises UsageError for arrays that are not float32, not of four axes, or not of the same shape."""
        self._first, self._second = _Floats(first, "first"), _Floats(second, "second")
        if self._first.shape != self._second.shape:
            raise UsageError(
                f"the views differ in shape: first {self._first.shape}, second {self._second.shape}; "
                "image i of both is the same image"
            )
        self.shape = self._first.shape
        self.first, self.second = self._first.pointer, self._second.pointer


class _Floats:
    """One array: its shape (images, channels, rows, columns) and a pointer to its first number."""

    def __init__(self, array: Any, name: str):
        array = _float32(array)
        interface = getattr(array, "__array_interface__", None)
        found = _from_interface(interface) if interface else _from_buffer(array, name)
        if found is None:
            kind = interface["typestr"] if interface else memoryview(array).format
            raise UsageError(f"{name} must be float32 in C order, found {kind}; convert it before")
        self.shape, self.pointer, owner = found
        if len(self.shape) != 4 or 0 in self.shape:
            raise UsageError(
                f"{name} must be images x channels x rows x columns, found the shape {self.shape}"
            )
        self._kept = (array, owner)


def _float32(array: Any) -> Any:
    """The array as float32 in C order where it can convert itself, else as it is."""
    if hasattr(array, "detach"):  # a PyTorch tensor, which may be on a GPU
        array = array.detach().cpu().float().contiguous()
    if not hasattr(array, "astype") and hasattr(array, "__array__"):
        array = array.__array__()
    if hasattr(array, "astype"):
        array = array.astype("float32", order="C", copy=False)
    return array


def _from_interface(interface: dict[str, Any]) -> Optional[tuple[tuple[int, ...], Any, Any]]:
    if interface["typestr"] not in ("<f4", "=f4") or interface.get("strides"):
        return None
    return tuple(interface["shape"]), ctypes.cast(interface["data"][0], _FLOATS), interface


def _from_buffer(array: Any, name: str) -> Optional[tuple[tuple[int, ...], Any, Any]]:
    try:
        view = memoryview(array)
    except TypeError:
        raise UsageError(f"{name} is no array: it has neither a buffer nor __array_interface__") from None
    if view.format not in ("f", "<f", "@f", "=f") or not view.c_contiguous:
        return None
    count = view.nbytes // 4
    floats = ctypes.c_float * count
    # ctypes points into writable memory only; what is read-only is copied.
    owner = floats.from_buffer_copy(view) if view.readonly else floats.from_buffer(view)
    return tuple(view.shape or ()), ctypes.cast(owner, _FLOATS), owner
