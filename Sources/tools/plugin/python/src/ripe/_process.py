# The worker as seen from the training: a process of its own, so that its crashes, memory and threads are not
# the training's.

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from typing import Any, Callable, Optional, Sequence

# The package's parent folder goes last on the path, behind the standard library, and neither the working
# directory nor site-packages with their .pth files are looked at: nothing of the training's environment can
# shadow a module.
_CODE = "import sys; sys.path.append(sys.argv.pop(1)); from ripe.worker import main; main()"
_PACKAGE_PARENT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_KEPT_ERROR_LINES = 20


class WorkerProcess:
    """A running worker. Two threads of this process wait for what it says; nothing here waits for it.

    on_answer: called by one of them with each answer.
    on_end: called by it once, when the worker has ended, with what is known about why.
    """

    def __init__(
        self,
        on_answer: Callable[[dict[str, Any]], None],
        on_end: Callable[[str], None],
        *,
        threads: int,
        nice: int,
        cores: Optional[Sequence[int]],
    ):
        """Starts it. Raises OSError where that fails."""
        self._on_answer, self._on_end = on_answer, on_end
        self._errors: deque[str] = deque(maxlen=_KEPT_ERROR_LINES)
        command = [
            sys.executable,
            "-I",
            "-S",
            "-c",
            _CODE,
            _PACKAGE_PARENT,
            f"--parent={os.getpid()}",
            f"--nice={nice}",
        ]
        command.append("--cores=" + ",".join(str(core) for core in cores or ()))
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(threads),
            # Ctrl-C in the terminal is for the training.
            start_new_session=True,
        )
        assert process.stdin and process.stdout and process.stderr  # the pipes asked for above
        self._process, self._input = process, process.stdin
        self._answers, self._error_lines = process.stdout, process.stderr
        self._error_reader = threading.Thread(target=self._read_errors, name="ripe-errors", daemon=True)
        self._error_reader.start()
        threading.Thread(target=self._read_answers, name="ripe-answers", daemon=True).start()

    @property
    def process_id(self) -> int:
        """The worker's process number."""
        return self._process.pid

    def send(self, request: dict[str, Any]) -> None:
        """Hands a request over. It does not wait: one request at a time is far smaller than a pipe.

        Raises OSError when the worker is gone.
        """
        self._input.write(json.dumps(request).encode() + b"\n")
        self._input.flush()

    def dismiss(self) -> None:
        """Lets it end after what it is doing. Returns at once."""
        try:
            self._input.close()
        except OSError:
            pass

    def end(self, timeout: float) -> None:
        """Ends it, whatever it is doing. Takes at most about `timeout` seconds."""
        self.dismiss()
        # A file that is being written by the worker has another name until it is complete, so it may be ended
        # anywhere.
        for act in (self._process.terminate, self._process.kill):
            act()
            try:
                self._process.wait(timeout / 2)
                return
            except subprocess.TimeoutExpired:
                continue

    def _read_answers(self) -> None:
        try:
            with self._answers as answers:
                for line in answers:
                    self._on_answer(json.loads(line))
        finally:
            self.dismiss()
            self._process.wait()
            self._error_reader.join(1)
            self._on_end(self._cause())

    def _read_errors(self) -> None:
        with self._error_lines as lines:
            for line in lines:
                self._errors.append(line.decode(errors="replace").rstrip())

    def _cause(self) -> str:
        code = self._process.returncode
        if code < 0:
            try:
                how = f"was ended by {signal.Signals(-code).name}"
            except ValueError:
                how = f"was ended by signal {-code}"
            if -code == signal.SIGBUS:
                how += " (a checkpoint file was cut short while it was read)"
            elif -code == signal.SIGKILL:
                how += " (out of memory?)"
        else:
            how = f"ended with exit code {code}"
        said = [line for line in self._errors if line.strip()]
        return how + (f"; it said last: {said[-1]}" if said else "")


def _environment(threads: int) -> dict[str, str]:
    environment = dict(os.environ)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        environment[name] = str(threads)
    # Threads that wait must sleep: by default they spin, which takes a core from the training for nothing.
    environment["OMP_WAIT_POLICY"] = "passive"
    environment["GOMP_SPINCOUNT"] = "0"
    # Where the training pins its threads, the worker's would be pinned to the same cores.
    for name in ("OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY", "KMP_AFFINITY"):
        environment.pop(name, None)
    # A crash of the worker is told by its exit; Swift's crash reports may take minutes.
    environment["SWIFT_BACKTRACE"] = "enable=no"
    return environment
