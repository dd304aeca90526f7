# What a background scorer has to tell.

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional

from ripe.scores import CheckpointScore, Score, mean

# The kinds of events.
SCORED = "scored"  # a checkpoint has its score
EXCLUDED = "excluded"  # a checkpoint cannot be scored, for a reason that lies in it
FAILED = "failed"  # something else failed; scoring goes on
SKIPPED = "skipped"  # a checkpoint was not scored because others were waiting
OFF = "off"  # scoring has ended for good


@dataclass(frozen=True)
class ScoreEvent:
    """What became of a checkpoint, or of scoring as a whole.

    `epoch` and `step` are those that were given with the checkpoint, else those of the file. `message` is a
    sentence for all kinds but "scored". `deciding` are the scores that decide, shallowest level first. `pick`
    and `pick_epoch` are the recommended checkpoint with all that was known at this moment. `stop` says
    whether the stopping rule allows a stop, None where it was not asked.
    """

    kind: str
    path: Optional[str] = None
    epoch: Optional[int] = None
    step: Optional[int] = None
    message: str = ""
    checkpoint: Optional[CheckpointScore] = None
    deciding: tuple[Score, ...] = ()
    pick: Optional[str] = None
    pick_epoch: Optional[int] = None
    sentence: str = ""
    stop: Optional[bool] = None
    reason: str = ""

    @property
    def score(self) -> float:
        """The mean of the deciding scores; lower is better. NaN for all kinds but "scored"."""
        return mean(self.deciding)


def scored(reply: dict[str, Any], epoch: Optional[int], step: Optional[int]) -> ScoreEvent:
    """The event of a worker's reply to a request to score."""
    checkpoint = CheckpointScore.from_json(reply["checkpoint"])
    pick = reply["pick"] or {}
    return ScoreEvent(
        kind=SCORED,
        path=checkpoint.path,
        epoch=checkpoint.epoch if epoch is None else epoch,
        step=checkpoint.step if step is None else step,
        checkpoint=checkpoint,
        deciding=checkpoint.deciding(reply["decidedBy"]),
        pick=pick.get("path"),
        pick_epoch=pick.get("epoch"),
        sentence=reply["sentence"],
        stop=reply["stop"],
        reason=reply["reason"],
    )
