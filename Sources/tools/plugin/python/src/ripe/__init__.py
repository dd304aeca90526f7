"""Ripe: scores pretraining checkpoints on target images and recommends one.

    import ripe

    table = ripe.score("runs/resnet50", "scans/", image_size=128)   # a table, as HTML in a notebook
    print(table.pick.path, table.sentence)

In a trainer, one of these callbacks scores in the background while the training goes on:

    from ripe.lightning import RipeCallback      # PyTorch Lightning
    from ripe.keras import RipeCallback          # Keras 3
    from ripe.huggingface import RipeCallback    # Hugging Face Trainer

Importing `ripe` imports no framework.
"""

from ripe._version import __version__
from ripe.background import BackgroundScorer
from ripe.errors import Cancelled, CheckpointExcluded, RipeError, UsageError, WrongProcess
from ripe.events import ScoreEvent
from ripe.functions import pick, score
from ripe.scores import CheckpointScore, Score
from ripe.session import Session, StopAdvice
from ripe.table import ScoreTable

__all__ = [
    "BackgroundScorer",
    "Cancelled",
    "CheckpointExcluded",
    "CheckpointScore",
    "RipeError",
    "Score",
    "ScoreEvent",
    "ScoreTable",
    "Session",
    "StopAdvice",
    "UsageError",
    "WrongProcess",
    "__version__",
    "pick",
    "score",
]
