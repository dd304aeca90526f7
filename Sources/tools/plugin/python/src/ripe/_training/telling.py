# What a callback says to the person who trains: warnings, but not for ever, and the results at the end.

from __future__ import annotations

import logging
import os

from ripe.table import ScoreTable

logger = logging.getLogger("ripe")

_RESULTS = ("scores.json", "scores.csv", "scores.svg", "report.html")
_TOLD_OF_EACH_KIND = 3


class Teller:
    """Warns through the logger "ripe", of each kind of trouble the first few times; more would be noise."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def warn(self, kind: str, message: str) -> None:
        """Says what went wrong, unless the same kind was told often enough."""
        count = self._counts[kind] = self.count(kind) + 1
        if count <= _TOLD_OF_EACH_KIND:
            more = "; more of this kind are not told" if count == _TOLD_OF_EACH_KIND else ""
            logger.warning("ripe: %s%s", message, more)

    def count(self, kind: str) -> int:
        """How often it went wrong so far."""
        return self._counts.get(kind, 0)


def tell_waiting(count: int, seconds: float) -> None:
    """Says that the training has ended and scores are waited for."""
    print(f"ripe: waiting for {checkpoints(count)} to be scored ({seconds:.0f} s so far)", flush=True)


def tell_results(table: ScoreTable, folder: str, skipped: int) -> None:
    """Shows the table, and where everything is written."""
    print(f"\nRipe: scores, lower is better\n{table}", flush=True)
    if skipped:
        print(f"Skipped: {checkpoints(skipped)}; 'ripe score {folder}' scores the rest", flush=True)
    written = [name for name in _RESULTS if os.path.exists(os.path.join(folder, name))]
    if written:
        print(f"Written to {folder}: {', '.join(written)}", flush=True)


def checkpoints(count: int) -> str:
    """A number of checkpoints in words."""
    return "1 checkpoint" if count == 1 else f"{count} checkpoints"
