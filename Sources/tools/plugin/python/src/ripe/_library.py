# libripe.so through ctypes: finds and checks it, declares the functions of ripe.h, turns its errors into
# exceptions.

from __future__ import annotations

import ctypes
import os
import threading
from ctypes import POINTER, byref, c_char_p, c_double, c_float, c_int32, c_int64, c_uint32, c_void_p
from typing import Any, Callable, Optional, Sequence

from ripe._version import ABI_VERSION, __version__
from ripe.errors import Cancelled, CheckpointExcluded, RipeError, UsageError, WrongProcess

# ripe_status
OK = 0
EXCEPTIONS = {1: RipeError, 2: CheckpointExcluded, 3: UsageError, 4: Cancelled, 5: WrongProcess}

# Strings that the library hands out are declared as bare pointers: as c_char_p, ctypes would copy them and
# lose the address that ripe_free needs.
_STRING = POINTER(c_void_p)
_OPTIONS = [POINTER(c_char_p), c_int32]
_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "ripe_abi_version": (c_uint32, []),
    "ripe_version": (c_char_p, []),
    "ripe_open": (c_int32, [*_OPTIONS, POINTER(c_void_p), _STRING]),
    "ripe_open_views": (
        c_int32,
        [POINTER(c_float), POINTER(c_float), POINTER(c_int64), *_OPTIONS, POINTER(c_void_p), _STRING],
    ),
    "ripe_score": (c_int32, [c_void_p, c_char_p, _STRING, _STRING]),
    "ripe_forget": (c_int32, [c_void_p, c_char_p, _STRING]),
    "ripe_table": (c_int32, [c_void_p, _STRING, _STRING]),
    "ripe_pick": (c_int32, [c_void_p, _STRING, _STRING, _STRING]),
    "ripe_should_stop": (
        c_int32,
        [c_void_p, c_int32, c_int32, c_double, POINTER(c_int32), _STRING, _STRING],
    ),
    "ripe_write": (c_int32, [c_void_p, c_char_p, _STRING]),
    "ripe_cancel": (None, [c_void_p]),
    "ripe_free": (None, [c_void_p]),
    "ripe_close": (None, [c_void_p]),
}
_PACKAGED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib", "libripe.so")


class Library:
    """A loaded libripe of the right version."""

    def __init__(self, path: str):
        """Loads and checks a library.

        Raises RipeError where it does not load, is no libripe, or is one of another version.
        """
        self.path = path
        try:
            self._functions = ctypes.CDLL(path)
        except OSError as error:
            raise RipeError(_load_failure(path, error)) from None
        for name, (result, arguments) in _SIGNATURES.items():
            self._declare(name, result, arguments)
            if name == "ripe_version":
                # Older and newer libraries may lack other functions: which version it is, is said first.
                self._check_version()

    def _declare(self, name: str, result: Any, arguments: list[Any]) -> None:
        try:
            function = getattr(self._functions, name)
        except AttributeError:
            raise RipeError(f"{self.path}: is no libripe: it has no function {name}") from None
        function.restype, function.argtypes = result, arguments

    def _check_version(self) -> None:
        abi = self._functions.ripe_abi_version()
        version = os.fsdecode(self._functions.ripe_version() or b"?")
        if abi == ABI_VERSION and version == __version__:
            return
        raise RipeError(
            f"{self.path}: the library is Ripe {version} (ABI {abi}), "
            f"the Python package is ripe {__version__} (ABI {ABI_VERSION}); "
            "install the wheel that was made with this library ('make wheel'), "
            f"or let RIPE_LIBRARY name a libripe.so of version {__version__}"
        )

    def call(self, name: str, *arguments: Any) -> None:
        """Calls a function that returns a status and takes `char **error` last.

        Raises the RipeError that belongs to the status, with the library's words.
        """
        error = c_void_p()
        status = getattr(self._functions, name)(*arguments, byref(error))
        message = self.take(error)
        if status != OK:
            raise EXCEPTIONS.get(status, RipeError)(message or f"{name} failed with status {status}")

    def call_for_text(self, name: str, *arguments: Any) -> str:
        """Like `call`, for functions that hand out one string before the error."""
        text = c_void_p()
        self.call(name, *arguments, byref(text))
        return self.take(text) or ""

    def take(self, pointer: c_void_p) -> Optional[str]:
        """Copies a string that the library handed out and frees it; None for a null pointer."""
        if not pointer.value:
            return None
        try:
            # Paths need not be UTF-8; surrogates keep their bytes.
            return os.fsdecode(ctypes.string_at(pointer.value))
        finally:
            self._functions.ripe_free(pointer)

    def cancel(self, handle: c_void_p) -> None:
        """ripe_cancel."""
        self._functions.ripe_cancel(handle)

    def close(self, handle: c_void_p) -> None:
        """ripe_close."""
        self._functions.ripe_close(handle)


def options_array(options: Sequence[str]) -> Any:
    """The options as `const char *const *`. The array keeps its strings alive."""
    return (c_char_p * len(options))(*[os.fsencode(option) for option in options])


def library() -> Library:
    """The library, loaded at the first call.

    It is the one that the environment variable RIPE_LIBRARY names, else the wheel's, else the system's
    libripe.so.

    Raises RipeError where there is none, or one of another version.
    """
    global _loaded
    with _loading:
        if _loaded is None:
            _loaded = Library(_path())
        return _loaded


_loaded: Optional[Library] = None
_loading = threading.Lock()


def _path() -> str:
    named = os.environ.get("RIPE_LIBRARY")
    if named:
        return named
    return _PACKAGED if os.path.exists(_PACKAGED) else "libripe.so"


def _load_failure(path: str, error: OSError) -> str:
    # The loader's message begins with the file that it could not open, which need not be libripe itself.
    if os.path.exists(path) or "/" not in path and not str(error).startswith(path):
        return (
            f"{path} does not load: {error}. If a system library is missing: on Debian and Ubuntu, "
            "'apt-get install libhdf5-dev libpng-dev libdeflate-dev libisal-dev libdnnl-dev' "
            "brings all that Ripe needs"
        )
    return (
        f"no libripe.so: {path} is not there ({error}). 'make wheel' in Ripe's repository makes a wheel that "
        "carries it; the environment variable RIPE_LIBRARY may name one"
    )


def run_interruptibly(call: Callable[[], None], on_interrupt: Callable[[], bool]) -> None:
    """Runs a long call of the library so that Ctrl-C is heard while it lasts.

    Python tells the main thread of Ctrl-C only between its own steps, of which there are none inside the
    library. So the call runs in a thread of its own while the main thread waits.

    on_interrupt: asks the call to end; says whether it will, so that it is worth waiting for.
    """
    if threading.current_thread() is not threading.main_thread():
        call()
        return
    outcome: list[BaseException] = []
    done = threading.Event()

    def run() -> None:
        try:
            call()
        except BaseException as error:
            outcome.append(error)
        finally:
            done.set()

    threading.Thread(target=run, name="ripe-call", daemon=True).start()
    try:
        _wait(done)
    except KeyboardInterrupt:
        if on_interrupt():
            _wait(done)
        raise
    if outcome:
        raise outcome[0]


def _wait(done: threading.Event) -> None:
    # With a timeout, because a wait without one does not hear signals on every version of Python.
    while not done.wait(0.5):
        pass
