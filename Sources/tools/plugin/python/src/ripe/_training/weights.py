# Copies a PyTorch module's weights, for a thread to write while the training changes them.

from __future__ import annotations

from typing import Any, Callable, Optional, Union

Encoder = Union[None, str, Callable[[Any], Any]]


def encoder_of(model: Any, encoder: Encoder) -> Any:
    """The part of a module to score: all of it, a sub-module by its dotted name, or what a function finds."""
    if encoder is None:
        return model
    return model.get_submodule(encoder) if isinstance(encoder, str) else encoder(model)


def saver_of_weights(module: Any, epoch: int, step: Optional[int]) -> Callable[[str], None]:
    """Copies the weights to main memory now, and returns a function that writes them to a file later.

    The file is what `torch.save` makes of a dictionary with `state_dict`, `epoch` (finished epochs) and
    `global_step`.
    """
    import torch

    # What is no tensor (`_extra_state`) is no weight, and might not be loadable elsewhere.
    weights = {
        name: value.detach().to("cpu", copy=True)
        for name, value in module.state_dict().items()
        if isinstance(value, torch.Tensor)
    }
    content = {"state_dict": weights, "epoch": epoch}
    if step is not None:
        content["global_step"] = step
    return lambda path: torch.save(content, path)
