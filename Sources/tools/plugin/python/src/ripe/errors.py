# What can go wrong, as exceptions. The message is a sentence for a person, as the library says it.


class RipeError(Exception):
    """Something failed; the session can still be used."""


class CheckpointExcluded(RipeError):
    """This checkpoint cannot be scored, for a reason that lies in it. The session goes on without it."""


class UsageError(RipeError, ValueError):
    """An argument or option makes no sense."""


class Cancelled(RipeError):
    """`Session.cancel` was called."""


class WrongProcess(RipeError):
    """The session was opened by another process, before a fork."""
