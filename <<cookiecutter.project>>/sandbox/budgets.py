"""Budgets: what an account means to spend, and who is told. Nothing is spent here, so nobody ever is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.clock import Clock
    from sandbox.world import Call

MOST_NOTICES = 10
FOREVER = datetime(2087, 6, 15, tzinfo=UTC)
NOTHING = {"Amount": "0", "Unit": "USD"}
Notice = dict[str, Any]


class Budgets:
    """One account's budgets."""

    def __init__(self, account: str, clock: Clock) -> None:
        self._account = account
        self._clock = clock
        self._budgets: dict[str, dict[str, Any]] = {}
        self._notices: dict[str, list[Notice]] = {}
        self.operations: dict[str, Callable[[Call], dict[str, Any]]] = {
            "CreateBudget": self.create,
            "UpdateBudget": self.update,
            "DeleteBudget": self.delete,
            "DescribeBudget": lambda call: {"Budget": self._find(call)},
            "DescribeBudgets": lambda call: {"Budgets": list(self._budgets.values())},
            "CreateNotification": self.add_notice,
            "DeleteNotification": self.remove_notice,
            "DescribeNotificationsForBudget": self.describe_notices,
            "DescribeSubscribersForNotification": self.describe_subscribers,
        }

    def create(self, call: Call) -> dict[str, Any]:
        budget, notices = call.params["Budget"], call.params.get("NotificationsWithSubscribers") or []
        name = budget["BudgetName"]
        if name in self._budgets:
            said = f"Error creating budget: {name} - the budget already exists."
            raise ServiceError("DuplicateRecordException", said)
        if "BudgetLimit" not in budget and "PlannedBudgetLimits" not in budget:
            raise ServiceError(
                "InvalidParameterException", "Unable to create/update budget - BudgetLimit is missing"
            )
        self._notices[name] = []
        for each in notices:
            self._add(name, each)
        self._put(budget)
        return {}

    def _put(self, budget: dict[str, Any]) -> None:
        now = self._clock.now()
        start = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        self._budgets[budget["BudgetName"]] = {
            "TimePeriod": {"Start": start, "End": FOREVER},
            "CalculatedSpend": {"ActualSpend": NOTHING},
            **budget,
            "LastUpdatedTime": now,
        }

    def update(self, call: Call) -> dict[str, Any]:
        budget = call.params["NewBudget"]
        self._named(budget["BudgetName"])
        self._put(budget)
        return {}

    def delete(self, call: Call) -> dict[str, Any]:
        self._find(call)
        del self._budgets[call.params["BudgetName"]], self._notices[call.params["BudgetName"]]
        return {}

    def add_notice(self, call: Call) -> dict[str, Any]:
        self._find(call)
        self._add(call.params["BudgetName"], call.params)
        return {}

    def _add(self, name: str, asked: dict[str, Any]) -> None:
        found = self._notices[name]
        if any(each["Notification"] == asked["Notification"] for each in found):
            raise ServiceError("DuplicateRecordException", f"{name} has this notification already")
        if len(found) >= MOST_NOTICES:
            raise ServiceError("CreationLimitExceededException", f"A budget has {MOST_NOTICES} notifications")
        found.append({key: asked[key] for key in ("Notification", "Subscribers")})

    def remove_notice(self, call: Call) -> dict[str, Any]:
        self._notices[call.params["BudgetName"]].remove(self._notice(call))
        return {}

    def describe_notices(self, call: Call) -> dict[str, Any]:
        self._find(call)
        return {"Notifications": [each["Notification"] for each in self._notices[call.params["BudgetName"]]]}

    def describe_subscribers(self, call: Call) -> dict[str, Any]:
        return {"Subscribers": self._notice(call)["Subscribers"]}

    def _notice(self, call: Call) -> Notice:
        self._find(call)
        for each in self._notices[call.params["BudgetName"]]:
            if each["Notification"] == call.params["Notification"]:
                return each
        raise ServiceError("NotFoundException", f"{call.params['BudgetName']} has no such notification")

    def _find(self, call: Call) -> dict[str, Any]:
        return self._named(call.params["BudgetName"])

    def _named(self, name: str) -> dict[str, Any]:
        if name not in self._budgets:
            raise ServiceError(
                "NotFoundException", f"Unable to get budget: {name} - the budget doesn't exist."
            )
        return self._budgets[name]
