# The score of a checkpoint: what the library says of it in JSON, as Python values.

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Iterable, Optional

_SETTING = ("loss", "distance", "margin", "level", "pooling", "negatives")


@dataclass(frozen=True)
class Score:
    """One score of a checkpoint, with one choice of settings. Lower is better.

    `level` counts from 1, the shallowest. `value` and `standard_error` have the unit of the loss and are NaN
    where the score is not a number; `n` is the number of losses in the mean.
    """

    level: int
    value: float
    standard_error: float
    n: int
    loss: str
    distance: str
    margin: Optional[float]
    pooling: str
    negatives: str

    @classmethod
    def from_json(cls, entry: dict[str, Any]) -> Score:
        """Reads an element of the list `scores`."""
        return cls(
            level=entry["level"],
            value=_number(entry["value"]),
            standard_error=_number(entry["standardError"]),
            n=entry["n"],
            loss=entry["loss"],
            distance=entry["distance"],
            margin=entry["margin"],
            pooling=entry["pooling"],
            negatives=entry["negatives"],
        )

    def has(self, setting: dict[str, Any]) -> bool:
        """Whether it was made with these settings, an element of `decidedBy` in scores.json."""
        return all(getattr(self, name) == setting[name] for name in _SETTING)


@dataclass(frozen=True)
class CheckpointScore:
    """A scored checkpoint file.

    `epoch` and `step` are what the file or its name says, None where neither does. `not_considered` is the
    reason why it is shown but cannot be picked (untrained, a copy, ...), else None. `json` is all that the
    library says of it.
    """

    path: str
    name: str
    epoch: Optional[int]
    step: Optional[int]
    architecture: Optional[str]
    untrained: bool
    not_considered: Optional[str]
    scores: tuple[Score, ...]
    json: dict[str, Any] = field(repr=False, compare=False)

    @classmethod
    def from_json(cls, entry: dict[str, Any]) -> CheckpointScore:
        """Reads an element of the list `checkpoints`."""
        return cls(
            path=entry["path"],
            name=entry["name"],
            epoch=entry.get("epoch"),
            step=entry.get("step"),
            architecture=entry.get("architecture"),
            untrained=bool(entry.get("untrained")),
            not_considered=entry.get("notConsidered"),
            scores=tuple(Score.from_json(score) for score in entry["scores"]),
            json=entry,
        )

    def deciding(self, settings: Iterable[dict[str, Any]]) -> tuple[Score, ...]:
        """The scores that decide: those with the given settings (`decidedBy`), shallowest level first."""
        wanted = list(settings)
        return tuple(score for score in self.scores if any(score.has(setting) for setting in wanted))


def mean(scores: Iterable[Score]) -> float:
    """The mean of the scores' values; NaN where there are none."""
    values = [score.value for score in scores]
    return math.fsum(values) / len(values) if values else math.nan


def _number(value: Optional[float]) -> float:
    return math.nan if value is None else float(value)
