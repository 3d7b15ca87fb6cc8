"""What GitHub or the network refuse, as one line with what to do."""

from __future__ import annotations

from contextlib import ContextDecorator
from typing import TYPE_CHECKING

from github.GithubException import GithubException, RateLimitExceededException
from requests.exceptions import RequestException

from mlops.forge import ForgeError

if TYPE_CHECKING:
    from types import TracebackType


class Asking(ContextDecorator):
    """Turns what GitHub or the network refuse into one line."""

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raise ForgeError for a failure of the forge; let anything else pass."""
        if isinstance(error, GithubException):
            raise ForgeError(describe_refusal(error)) from None
        if isinstance(error, RequestException):
            reason = " ".join(str(error).split())
            raise ForgeError(
                f"the forge cannot be reached ({reason}). Nothing is lost: run the same command again"
            ) from None


def describe_refusal(error: GithubException) -> str:
    """GitHub's own words for a refused call, with what to do."""
    said = error.data.get("message") if isinstance(error.data, dict) else error.data
    text = f"the forge answered {error.status}: {said or 'no message'}"
    if isinstance(error, RateLimitExceededException):
        return f"{text}. Its rate limit is used up; run the same command again in an hour"
    if isinstance(error.data, dict) and error.data.get("errors"):
        details = (str(detail.get("message", detail)) for detail in error.data["errors"] if detail)
        text = f"{text} ({'; '.join(details)})"
    if error.status == 401:
        return f"{text}. The token in GITHUB_TOKEN is not valid; sign in again"
    if error.status == 403:
        return f"{text}. The token may not do this: see `permissions:` of the workflow"
    if error.status >= 500:
        return f"{text}. Nothing is lost: run the same command again"
    return text


asking = Asking()
