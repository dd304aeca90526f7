# What the tests share: where the fixtures are, whether the library is there, folders that go away.

from __future__ import annotations

import logging
import os
import tempfile
import time
import unittest
from pathlib import Path
from typing import Callable

import ripe
from ripe import _library

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "fixtures"
TARGET = FIXTURES / "target"
CHECKPOINTS = FIXTURES / "checkpoints" / "pytorch"
# Small, so that a checkpoint takes well under a second.
QUICK = {"image_size": 64, "draws": 1, "no_cache": True}


def epoch_file(epoch: int) -> Path:
    """A checkpoint of the fixtures: 0 (untrained), 1, 3, 5 or 8."""
    return CHECKPOINTS / f"model_state_dict_epoch_{epoch}.pt"


class TestCase(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory(prefix="ripe-test-")
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)

    def wait_until(self, condition: Callable[[], bool], seconds: float = 60) -> None:
        """Waits for something that another process does."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                self.fail(f"it did not happen within {seconds} seconds")
            time.sleep(0.02)


class LibraryTestCase(TestCase):
    """A test that needs libripe.so; skipped, saying so, where there is none."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        try:
            _library.library()
        except ripe.RipeError as error:
            if os.environ.get("PYTHON_TESTS_REQUIRED"):
                raise
            raise unittest.SkipTest(f"no library to test with: {error}") from None


class CaughtMessages(logging.Handler):
    """The warnings of the logger "ripe" while it is in use."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())

    def __enter__(self) -> CaughtMessages:
        logging.getLogger("ripe").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("ripe").removeHandler(self)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def settle(watch) -> None:
    """Waits until a callback's watch has saved and scored all it was given.

    Scoring gives way to everything else, so that on a busy machine a short training ends before its scores come.
    """
    watch._snapshots.wait(60)
    if watch.is_running:
        watch._scorer.finish(120)


def is_alive(process_id: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state not in "ZX"
