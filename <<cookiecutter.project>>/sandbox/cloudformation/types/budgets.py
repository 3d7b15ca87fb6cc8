"""AWS::Budgets: budgets and who is told of them."""

from __future__ import annotations

from typing import Any

from sandbox.cloudformation.kinds import Kind, Making, Properties

SPEND: Any = {"Amount": str, "Unit": str}
BUDGET: Any = {
    "BudgetLimit": SPEND,
    "BudgetName": str,
    "BudgetType": str,
    "CostFilters": {"*": [str]},
    "CostTypes": {
        **dict.fromkeys(
            (
                "IncludeCredit",
                "IncludeDiscount",
                "IncludeOtherSubscription",
                "IncludeRecurring",
                "IncludeRefund",
                "IncludeSubscription",
                "IncludeSupport",
                "IncludeTax",
                "IncludeUpfront",
                "UseAmortized",
                "UseBlended",
            ),
            bool,
        )
    },
    "TimeUnit": str,
}
NOTICES: Any = [
    {
        "Notification": {
            "ComparisonOperator": str,
            "NotificationType": str,
            "Threshold": float,
            "ThresholdType": str,
        },
        "Subscribers": [{"Address": str, "SubscriptionType": str}],
    }
]


def set_budget(making: Making, before: Properties) -> None:
    budget = {**making.get("Budget"), "BudgetName": making.id}
    making.client("budgets").update_budget(AccountId=making.place.account, NewBudget=budget)


class Budget(Kind):
    name = "AWS::Budgets::Budget"
    schema = {"Budget": BUDGET, "NotificationsWithSubscribers": NOTICES}
    required = frozenset({"Budget"})
    fixed = frozenset({"NotificationsWithSubscribers"})
    born = frozenset({"Budget"})
    setters = {"Budget": set_budget}

    def make(self, making: Making) -> None:
        budget = making.get("Budget")
        name = budget.get("BudgetName") or making.named("", 100)
        making.client("budgets").create_budget(
            AccountId=making.place.account,
            Budget={**budget, "BudgetName": name},
            NotificationsWithSubscribers=making.get("NotificationsWithSubscribers") or [],
        )
        making.id = name

    def delete(self, making: Making) -> None:
        making.client("budgets").delete_budget(AccountId=making.place.account, BudgetName=making.id)


KINDS = (Budget(),)
