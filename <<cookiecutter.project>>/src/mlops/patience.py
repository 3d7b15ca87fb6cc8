"""How long a call to GitHub waits: through an outage or a limit of seconds, not through one of an hour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from github import GithubRetry
from github.GithubException import RateLimitExceededExceedsMaxWait

if TYPE_CHECKING:
    from urllib3.response import BaseHTTPResponse
    from urllib3.util.retry import Retry

TOO_MANY = 429


class Patience(GithubRetry):
    """GitHub says "too much" by 403 or 429 alike, and in either of two headers when to come back.

    https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
    """

    def __init__(self, **options: Any) -> None:
        options.setdefault("status_forcelist", [TOO_MANY, *range(500, 600)])
        # PATCH too: what is sent says how things shall be, so that twice is as good as once
        options.setdefault("allowed_methods", None)
        super().__init__(**options)

    def increment(  # type: ignore[override]
        self,
        method: str | None = None,
        url: str | None = None,
        response: Any = None,
        *rest: Any,
        **named: Any,
    ) -> Retry:
        """The next attempt; raises where GitHub asks for a longer wait than a run may cost."""
        if response is not None:
            self._refuse_long_wait(response)
            if response.status == TOO_MANY:
                response.status = 403  # from which GithubRetry reads the rest
        return super().increment(method, url, response, *rest, **named)

    def _refuse_long_wait(self, response: BaseHTTPResponse) -> None:
        wait = self.get_retry_after(response)
        if wait is not None and self.max_rate_limit_wait is not None and wait > self.max_rate_limit_wait:
            said = {"message": f"come back in {wait:.0f} seconds"}
            headers = dict(response.headers)
            raise RateLimitExceededExceedsMaxWait(response.status, said, headers, wait=wait)
