"""What the operations of AWS Budgets need: two actions stand for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.iam.part import record

if TYPE_CHECKING:
    from sandbox.iam.part import Params, Part, Place


def parts(operation: str, params: Params, place: Place) -> list[Part]:
    """Budgets by name; their ARNs have no region."""
    action = "ViewBudget" if operation.startswith("Describe") else "ModifyBudget"
    budget = record(params.get("Budget") or params.get("NewBudget"))
    name = params.get("BudgetName") or budget.get("BudgetName") or "*"
    return [place.part(f"budgets:{action}", f"arn:aws:budgets::{place.account}:budget/{name}")]
