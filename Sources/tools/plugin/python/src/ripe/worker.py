# The process that scores for a BackgroundScorer: `python -m ripe.worker`.
#
# It reads a request a line from its standard input and answers each with a line, both JSON, in order. It ends
# when its input does, or when its parent is gone.

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from typing import Any, BinaryIO, Optional

from ripe.errors import Cancelled, CheckpointExcluded, RipeError, UsageError, WrongProcess
from ripe.session import Session

# Names of errors in answers.
ERRORS = {
    CheckpointExcluded: "excluded",
    UsageError: "usage",
    Cancelled: "cancelled",
    WrongProcess: "process",
    RipeError: "failed",
}
_SECONDS_BETWEEN_LOOKS_FOR_PARENT = 1.0


class Worker:
    """Carries out requests on one session."""

    def __init__(self) -> None:
        self._session: Optional[Session] = None
        self._out: Optional[str] = None

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to a request. A failure is an answer too."""
        try:
            return {"ok": True, **getattr(self, "_" + request["do"])(request)}
        except RipeError as error:
            return {"ok": False, "error": ERRORS[type(error)], "message": str(error)}
        except Exception as error:
            return {"ok": False, "error": "failed", "message": f"{type(error).__name__}: {error}"}

    def _open(self, request: dict[str, Any]) -> dict[str, Any]:
        self._out = request["out"]
        self._session = Session.from_arguments(request["options"])
        return {}

    def _score(self, request: dict[str, Any]) -> dict[str, Any]:
        checkpoint = self._opened.score(request["path"])
        table = self._opened.table()
        advice = table.content["recommendation"]
        answer: dict[str, Any] = {
            "checkpoint": checkpoint.json,
            "decidedBy": advice["decidedBy"],
            "pick": advice["pick"],
            "sentence": advice["sentence"],
            "stop": None,
            "reason": "",
            "writing": self._write_out(),
        }
        rule = request.get("rule")
        if rule:
            stop = self._opened.should_stop(rule["patience"], rule["min_epochs"], rule["confidence"])
            answer.update(stop=stop.stop, reason=stop.reason)
        return answer

    def _table(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"table": self._opened.table().content}

    def _write(self, request: dict[str, Any]) -> dict[str, Any]:
        self._opened.write(request["folder"])
        return {}

    def _forget(self, request: dict[str, Any]) -> dict[str, Any]:
        self._opened.forget(request["path"])
        return {}

    def _write_out(self) -> Optional[str]:
        """Brings the files of results up to date, so that nothing is lost if the training is killed.

        What went wrong, else None: a full disk must not cost the score itself.
        """
        if self._out is None:
            return None
        try:
            self._opened.write(self._out)
        except RipeError as error:
            return str(error)
        return None

    @property
    def _opened(self) -> Session:
        if self._session is None:
            raise RipeError("no target is open")
        return self._session


def main() -> None:
    """Lowers the process's claims, then answers until the input ends."""
    parser = argparse.ArgumentParser(description="Scores checkpoints for a ripe.BackgroundScorer.")
    parser.add_argument("--parent", type=int, default=os.getppid(), help="the process that it ends with")
    parser.add_argument("--nice", type=int, default=0, help="by how much to lower the priority")
    parser.add_argument("--cores", default="", help="processor cores to stay on, such as 2,3")
    arguments = parser.parse_args()
    _stand_back(arguments.nice, [int(core) for core in arguments.cores.split(",") if core])
    answers = _private_output()
    _end_with(arguments.parent)
    worker = Worker()
    for line in sys.stdin.buffer:
        answers.write(json.dumps(worker.answer(json.loads(line))).encode() + b"\n")
        answers.flush()


def _stand_back(nice: int, cores: list[int]) -> None:
    """Lets the training go first: in processor time, and when memory runs out."""
    os.nice(nice)
    # Where the kernel shares the processor out among sessions first (autogroup), the priority of a process
    # counts only within its session, and this one has a session of its own.
    _write("/proc/self/autogroup", str(nice))
    if cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)
    # Where memory runs out the kernel shall end this process and not the training.
    _write("/proc/self/oom_score_adj", "1000")


def _write(path: str, text: str) -> None:
    """Sets something in /proc, if this kernel has it and lets us."""
    try:
        with open(path, "w") as file:
            file.write(text)
    except OSError:
        pass


def _private_output() -> BinaryIO:
    """The pipe to the parent. Whatever else is printed goes to the error output instead."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _end_with(parent: int) -> None:
    """Ends this process soon after the death of its parent, given by its number: it may be dead already.

    The end of the input is no sure sign of it: processes that the training forked (data loaders) hold the
    pipe open. PR_SET_PDEATHSIG is none either: it comes when the thread that started this process ends,
    though the parent lives.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_SECONDS_BETWEEN_LOOKS_FOR_PARENT)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    main()
