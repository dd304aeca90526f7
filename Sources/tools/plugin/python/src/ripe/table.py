# The table of a run: what scores.json holds, as Python values, aligned text, HTML for notebooks and a data
# frame.

from __future__ import annotations

import json
import math
import os
import textwrap
from dataclasses import dataclass
from typing import Any, Optional, Union

from ripe.errors import RipeError
from ripe.scores import CheckpointScore, Score, mean

SCHEMA = "ripe.scores/1"
_TEXT_WIDTH = 100


@dataclass(frozen=True)
class Choice:
    """A checkpoint that a rule chose: its path, its name, and its epoch and step where they are known."""

    path: str
    name: str
    epoch: Optional[int]
    step: Optional[int]


@dataclass(frozen=True)
class Row:
    """A line of the table.

    `scores` are those that decide, shallowest level first, and `score` is their mean; lower is better. `rank`
    is the mean of the ranks over the deciding levels, None for what cannot be picked. `note` says what is
    special about it.
    """

    checkpoint: CheckpointScore
    scores: tuple[Score, ...]
    score: float
    rank: Optional[float]
    note: str


class ScoreTable:
    """Scored checkpoints and the recommendation. `print` shows it as text, a notebook as HTML."""

    def __init__(self, content: dict[str, Any]):
        """content: a parsed scores.json. Raises RipeError where it is of another schema."""
        if content.get("schema") != SCHEMA:
            raise RipeError(f"expected the schema {SCHEMA}, found {content.get('schema')!r}")
        self.content = content
        advice = content["recommendation"]
        self._decided_by = advice["decidedBy"]
        self._standings = {standing["path"]: standing for standing in advice["standings"]}
        self.pick = _choice(advice["pick"])
        self.last = _choice(advice["baselines"]["last"])
        self.rule: str = advice["rule"]
        self.sentence: str = advice["sentence"]
        self.warnings: list[str] = [warning["message"] for warning in content["warnings"]]
        self.excluded: dict[str, str] = {file["path"]: file["reason"] for file in content["excluded"]}
        self.rows = [self._row(CheckpointScore.from_json(entry)) for entry in content["checkpoints"]]

    @classmethod
    def read(cls, path: Union[str, os.PathLike[str]]) -> ScoreTable:
        """Reads a scores.json, or the one in a folder of results."""
        if os.path.isdir(path):
            path = os.path.join(path, "scores.json")
        with open(path, encoding="utf-8") as file:
            return cls(json.load(file))

    def __len__(self) -> int:
        return len(self.rows)

    def to_dicts(self) -> list[dict[str, Any]]:
        """A dictionary for each checkpoint: epoch, step, name, path, score, score_level_4, ... note."""
        return [self._fields(row) for row in self.rows]

    def to_pandas(self) -> Any:
        """The rows as a pandas data frame. Needs pandas."""
        import pandas

        return pandas.DataFrame(self.to_dicts())

    def __str__(self) -> str:
        lines = _aligned([self._titles(), *(self._cells(row) for row in self.rows)])
        lines += ["", *textwrap.wrap(self.sentence, _TEXT_WIDTH)]
        remarks = self.warnings + [f"left out: {path}: {reason}" for path, reason in self.excluded.items()]
        for remark in remarks:
            lines += textwrap.wrap(
                remark,
                _TEXT_WIDTH,
                initial_indent="  - ",
                subsequent_indent="    ",
                break_long_words=False,
                break_on_hyphens=False,
            )
        return "\n".join(lines)

    def __repr__(self) -> str:
        picked = self.pick.name if self.pick else None
        return f"<ScoreTable of {len(self.rows)} checkpoints, pick {picked}>"

    def _repr_html_(self) -> str:
        from ripe._html import table_html

        return table_html(self, self._titles(), [self._cells(row) for row in self.rows])

    def _row(self, checkpoint: CheckpointScore) -> Row:
        scores = checkpoint.deciding(self._decided_by)
        standing = self._standings.get(checkpoint.path)
        return Row(
            checkpoint,
            scores,
            mean(scores),
            standing["combined"] if standing else None,
            self._note(checkpoint),
        )

    def _note(self, checkpoint: CheckpointScore) -> str:
        if checkpoint.untrained:
            return "untrained"
        if checkpoint.not_considered:
            return "not considered"
        if self.pick and checkpoint.path == self.pick.path:
            return "recommended"
        return "tied" if self._standings.get(checkpoint.path, {}).get("tied") else ""

    def _fields(self, row: Row) -> dict[str, Any]:
        fields: dict[str, Any] = {"epoch": row.checkpoint.epoch, "step": row.checkpoint.step}
        fields.update(name=row.checkpoint.name, path=row.checkpoint.path, score=row.score)
        for score in row.scores:
            fields[f"score_level_{score.level}"] = score.value
            fields[f"error_level_{score.level}"] = score.standard_error
        fields.update(rank=row.rank, note=row.note)
        return fields

    @property
    def _levels(self) -> list[int]:
        return [setting["level"] for setting in self._decided_by]

    @property
    def _has_steps(self) -> bool:
        return any(row.checkpoint.step is not None for row in self.rows)

    def _titles(self) -> list[str]:
        titles = ["epoch", "step"] if self._has_steps else ["epoch"]
        return [*titles, "checkpoint", *(f"level {level} ± error" for level in self._levels), "rank", ""]

    def _cells(self, row: Row) -> list[str]:
        cells = [_whole(row.checkpoint.epoch)]
        if self._has_steps:
            cells.append(_whole(row.checkpoint.step))
        cells.append(row.checkpoint.name)
        known = {score.level: score for score in row.scores}
        cells += [_with_error(known.get(level)) for level in self._levels]
        return [*cells, "–" if row.rank is None else f"{row.rank:.3g}", row.note]


def _choice(entry: Optional[dict[str, Any]]) -> Optional[Choice]:
    return Choice(entry["path"], entry["name"], entry["epoch"], entry["step"]) if entry else None


def _whole(number: Optional[int]) -> str:
    return "–" if number is None else str(number)


def _with_error(score: Optional[Score]) -> str:
    if score is None or math.isnan(score.value):
        return "–"
    return f"{score.value:.4f} ± {score.standard_error:.4f}"


def _aligned(rows: list[list[str]]) -> list[str]:
    """Lines of equal columns: numbers to the right, the checkpoint's name and the note to the left."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows)]
    name = rows[0].index("checkpoint")
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if place in (name, len(row) - 1) else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines
