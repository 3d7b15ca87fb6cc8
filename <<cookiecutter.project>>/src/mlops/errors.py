"""What can go wrong, by what a caller does about it.

MlopsError                exit 1: said in one line, nothing half-applied
├── UsageError            exit 2: the command or a file it reads is wrong; nothing was tried
└── AwsError              exit 1: AWS or the network refused; a second run carries on

Anything else is a bug: exit 3, with the traceback in the log.
"""


class MlopsError(Exception):
    """An expected failure. The message says what was found, where, what is allowed, what to type next."""

    exit_code = 1


class UsageError(MlopsError):
    """The command line or a file in the repository says something that is not allowed."""

    exit_code = 2


class AwsError(MlopsError):
    """A call to AWS failed for good: refused, or still failing after the retries."""
