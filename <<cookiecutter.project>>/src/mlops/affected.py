"""A plan as words for make, where CI has no matrix: `python -m mlops.affected goals|starts [BASE] [MODEL]`.

`goals` gives one line for each call of make, as `xargs -L 1 make` takes them; `starts` the models to train.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mlops import git
from mlops.cli import fail
from mlops.errors import MlopsError
from mlops.plan import make_plan
from mlops.workspace import open_workspace, require_model

if TYPE_CHECKING:
    from mlops.plan import Plan

WHAT = ("goals", "starts")


def goals(plan: Plan) -> list[str]:
    """What .github/workflows/check.yml makes of a plan, job by job."""
    lint = ["lint"] if plan.touches_code else []
    models = [f"test TESTS=models/{model} WORKERS=0" for model in plan.models]
    tool = ['test "TESTS=tests libs"'] if plan.touches_tool else []
    return [*lint, *models, *tool]


def find(what: str, base: str, model: str) -> list[str]:
    """The lines that were asked for; a model that is named starts whatever the diff says."""
    if what not in WHAT:
        raise MlopsError(f"{what!r} is not known here; allowed: {', '.join(WHAT)}")
    root = open_workspace().root
    if what == "starts" and model:
        return [require_model(root, model)]
    plan = make_plan(root, base, git.resolve_commit(root, "HEAD"))
    return goals(plan) if what == "goals" else plan.starts


def main() -> int:
    """Print the lines; an expected failure is one line on standard error."""
    what, base, model = (*sys.argv[1:4], "", "", "")[:3]
    try:
        lines = find(what, base or "origin/main", model)
    except MlopsError as error:
        return fail(str(error), error.exit_code)
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
