"""What CloudFormation's operations stand on: the stacks of an account, its hands, and work under way."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from sandbox.cloudformation.acts import Acts
from sandbox.cloudformation.errors import refused
from sandbox.cloudformation.hands import AGENT, Keys, keys_of
from sandbox.cloudformation.records import REVIEW, Journal
from sandbox.cloudformation.requests import Reader
from sandbox.cloudformation.store import Store
from sandbox.cloudformation.work import Work
from sandbox.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.clock import Clock
    from sandbox.cloudformation.faults import Faults
    from sandbox.cloudformation.hands import Hands
    from sandbox.cloudformation.records import Stack
    from sandbox.sts import Sts
    from sandbox.world import Call

log = logging.getLogger("sandbox")
PATIENCE = 2.0  # s of the wall for which a description waits for the end of what is under way
SESSION = "AWSCloudFormation"


class Ground:
    """One account's CloudFormation, in each region that is called."""

    def __init__(self, account: str, clock: Clock, hands: Hands, sts: Sts, faults: Faults) -> None:
        self.news = threading.Condition(threading.RLock())
        self.journal = Journal(clock, self.news)
        self.faults = faults
        self._account = account
        self._hands = hands
        self._sts = sts
        self._stores: dict[str, Store] = {}

    def store(self, call: Call) -> Store:
        return self._stores.setdefault(call.region, Store(self._account, call.region))

    def reader(self, call: Call) -> Reader:
        """Reads requests, and templates in S3 as the caller may."""

        def fetch(bucket: str, key: str) -> bytes:
            client = self._hands.client("s3", call.region, keys_of(call.caller))
            return bytes(client.get_object(Bucket=bucket, Key=key)["Body"].read())

        return Reader(fetch)

    def start(self, stack: Stack, call: Call, act: Callable[[Work], None]) -> None:
        """Begin an operation, with the caller's keys or those of the stack's role; it goes on in a thread."""
        keys, region = self._keys(stack, call), call.region
        stack.token = call.params.get("ClientRequestToken", "")
        acts = Acts(
            stack, lambda service: self._hands.client(service, region, keys), self.journal, self.faults
        )
        work = Work(stack, self.store(call), acts, self.journal)
        threading.Thread(target=_run, args=(act, work), name=f"stack {stack.name}", daemon=True).start()

    def _keys(self, stack: Stack, call: Call) -> Keys:
        if not stack.role:
            return keys_of(call.caller)
        session = self._sts.assume_for(AGENT, stack.role, SESSION, self._account)
        return Keys(session.access_key, session.token, via=False)

    def require_role(self, call: Call) -> str:
        """The role that a request names; refused where CloudFormation could not take it."""
        role = call.params.get("RoleARN", "")
        try:
            if role:
                self._sts.require_trust(AGENT, role, self._account)
        except ServiceError:
            raise refused(f"Role {role} is invalid or cannot be assumed") from None
        return str(role)

    def wait(self, is_over: Callable[[], bool]) -> None:
        """Let what is under way come to its end, for a moment: who asks need not ask again and again."""
        self.news.wait_for(is_over, PATIENCE)


def _run(act: Callable[[Work], None], work: Work) -> None:
    try:
        act(work)
    except Exception:
        log.exception("sandbox fault in an operation on a stack")


FINE = ("CREATE_COMPLETE", "IMPORT_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")


def require_updatable(stack: Stack, keeps_failed: bool = False) -> None:
    """Refuse an update of a stack that is not at rest, or that only a deletion can help."""
    fine = stack.status.endswith(FINE)
    if stack.status in ("CREATE_FAILED", "UPDATE_FAILED"):
        fine = keeps_failed
    if not fine or stack.status == REVIEW:
        raise refused(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")
