# Keeps a callback's failures away from the training.

from __future__ import annotations

import functools
from typing import Any, Callable, TypeVar

_Method = TypeVar("_Method", bound=Callable[..., Any])


def guarded(method: _Method) -> _Method:
    """A method of a callback that never raises.

    What goes wrong in it is handed to the callback's `watch`, which says so once and ends scoring.
    """

    @functools.wraps(method)
    def call(self: Any, *arguments: Any, **keywords: Any) -> Any:
        try:
            return method(self, *arguments, **keywords)
        except Exception as error:
            self.watch.give_up(error)
            return None

    return call  # type: ignore[return-value]


def quietly(watch: Any, kind: str, call: Callable[[], Any]) -> None:
    """Calls something that is not ours, such as a logger. What fails in it is told, and scoring goes on."""
    try:
        call()
    except Exception as error:
        watch.teller.warn(kind, f"the {kind} failed ({type(error).__name__}: {error}); scoring goes on")
