"""What `mlops destroy` decides: whose a thing is, what stays, what is refused. No kind is forgotten."""

from __future__ import annotations

import ast
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlops import destroy
from mlops.aws import Aws
from mlops.errors import AwsError, MlopsError, UsageError
from mlops.foundation import read_templates
from mlops.foundation.account import JOB_LOGS
from mlops.teardown.buckets import Locked, hold
from mlops.teardown.catalogue import KINDS
from mlops.teardown.inventory import Inventory, Scope, Survey, Unseen, left_over, sort_out, survey
from mlops.teardown.item import Clients, Held, Item, Kind
from mlops.teardown.owning import duty_by_digest, duty_by_name, find_neighbours, owner_of
from tests.proposals import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

PAYLOAD = Path(__file__).resolve().parents[1]
ALL = ("training", "staging", "prod")
# data points cannot be deleted and go after 15 months; the answer to an approval goes with its pipeline
EXPIRING = frozenset({"put_approval_result", "put_metric_data"})
# these make something on a forge, which keeps what people said
ON_FORGE = frozenset(
    {
        "create_branch",
        "create_comment",
        "create_commit",
        "create_git_commit",
        "create_git_ref",
        "create_git_tree",
        "create_issue",
        "create_issue_comment",
        "create_label",
        "create_pull",
        "create_pull_request",
        "create_status",
    }
)


def scope(duty: str = "staging", duties: tuple[str, ...] = ALL) -> Scope:
    return Scope("shop", duty, duties, frozenset({"shop-data", "shop-audit-training"}))


def found(*items: Item, remembered: frozenset[str] = frozenset()) -> Survey:
    return Survey(items, (), remembered)


def role(name: str, owner: str = "") -> Item:
    return Item("role", name, name, owner=owner)


def names(inventory: Inventory) -> list[str]:
    return [item.id for item in inventory.going]


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("shop-train", "shop"),
        ("shop", "shop"),
        ("shop-eu-train", "shop-eu"),
        ("shop-eu", "shop-eu"),
        ("shop-europe-train", "shop"),
        ("shopping-train", ""),
        ("shop approvals", "shop"),
        ("shop-staging-m.errors.0", "shop"),
        ("my-shop-train", ""),
    ],
)
def test_the_longest_known_project_owns_a_name(name: str, owner: str) -> None:
    assert owner_of(name, "shop", {"shop-eu"}) == owner


def test_other_projects_are_known_by_their_buckets_and_stacks() -> None:
    buckets = [
        "shop-eu-releases-111111111111-eu-west-1",
        "shop-data-111111111111-eu-west-1",
        "shop-my-bucket",
    ]
    assert find_neighbours("shop", buckets, ["shop-us-identity-prod", "shop-identity-prod"]) == {
        "shop-eu",
        "shop-us",
    }


@pytest.mark.parametrize(
    ("rest", "duty"),
    [
        ("staging-m", "staging"),
        ("staging-prod", "staging"),
        ("deploy-prod", "prod"),
        ("prod", "prod"),
        ("staging-m.errors.0", "staging"),
        ("train", ""),
        ("stagings", ""),
    ],
)
def test_a_name_says_its_duty(rest: str, duty: str) -> None:
    assert duty_by_name(rest) == duty


def test_a_config_says_its_duty_before_its_digest() -> None:
    assert duty_by_digest("prod-like-staging-0123456789ab") == "staging"
    assert duty_by_digest("m-staging-notahexdigit") == ""


def test_a_tag_says_more_than_a_name() -> None:
    items = (role("shop-deploy-staging", owner="shop-staging"), role("other", owner="shop"))
    assert names(sort_out(found(*items), scope("training", ("training",)))) == ["other"]


def test_what_duties_share_goes_with_the_last_of_them() -> None:
    items = (role("shop-deploy-staging"), role("shop-deploy-prod"), role("shop-forgotten"))
    apart = ("staging", "prod")
    assert names(sort_out(found(*items), scope("staging", apart))) == ["shop-deploy-staging"]
    assert names(sort_out(found(*items[:1], items[2]), scope("staging", apart))) == [
        "shop-deploy-staging",
        "shop-forgotten",
    ]


def test_in_trainings_account_no_environment_takes_what_is_shared() -> None:
    items = (role("shop-deploy-staging"), role("shop-train"))
    assert names(sort_out(found(*items), scope("staging"))) == ["shop-deploy-staging"]


def test_what_a_stack_has_left_is_found_without_a_name() -> None:
    network = Item("network", "vpc-1", "")
    there = found(network, Item("network", "vpc-2", ""), remembered=frozenset({"vpc-1"}))
    assert names(sort_out(there, scope("training"))) == ["vpc-1"]


def test_a_provider_that_others_trust_stays() -> None:
    arn = "arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com"
    made = frozenset({arn})
    shared = Item("oidc-provider", arn, "books-train shop-train", arn)
    inventory = sort_out(found(shared, remembered=made), scope("training"))
    assert [held.reason for held in inventory.staying] == ["roles of others trust it: books-train"]
    own = Item("oidc-provider", arn, "shop-train", arn)
    assert names(sort_out(found(own, remembered=made), scope("training"))) == [arn]
    assert names(sort_out(found(own), scope("training"))) == [], "another stack or hand made it"


def test_the_logs_of_all_jobs_stay() -> None:
    group = Item("log-group", JOB_LOGS[0], "TrainingJobs")
    inventory = sort_out(found(group, remembered=frozenset({JOB_LOGS[0]})), scope("training"))
    assert (inventory.going, [held.item for held in inventory.staying]) == ((), [group])


def test_a_locked_bucket_says_until_when_and_what_it_costs() -> None:
    bucket = Item("bucket", "b", "b")
    until = datetime(2027, 12, 1, tzinfo=UTC)
    held = hold(bucket, Locked(3, 10 * 1024**3, 0, until))
    assert held.reason == "Object Lock holds 3 objects, 10,737,418,240 bytes, until 2027-12-01"
    assert held.usd_per_month == pytest.approx(0.23)
    assert hold(bucket, Locked(1, 1, 0, None)).reason.endswith("until a legal hold is taken off")


def test_training_does_not_go_before_what_stands_on_it() -> None:
    there = Inventory((), (), (role("shop-deploy-prod"),), ())
    with pytest.raises(MlopsError, match=r"still here: role shop-deploy-prod\. First: mlops destroy prod"):
        destroy.refuse_early(PROJECT, scope("training"), there, ())


def test_what_is_in_an_account_that_cannot_be_seen_must_be_said() -> None:
    apart = scope("training", ("training",))
    with pytest.raises(MlopsError, match="mlops destroy training --gone staging"):
        destroy.refuse_early(PROJECT, apart, Inventory((), (), (), ()), ("prod",))
    destroy.refuse_early(PROJECT, apart, Inventory((), (), (), ()), ("prod", "staging"))


def test_nothing_goes_unless_the_name_is_typed() -> None:
    with pytest.raises(UsageError, match="typed 'shops', the project is 'shop'; nothing was removed"):
        destroy.confirm(scope(), "shops")
    destroy.confirm(scope(), "shop")


def test_what_is_left_is_said_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    left = role("shop-train")
    there = Inventory((left,), (), (), ())
    assert destroy.prove(there, [destroy.Failure(left, "DeleteRole was refused")], scope()) == 1
    assert "left   role shop-train: DeleteRole was refused" in capsys.readouterr().out


def test_a_kind_that_could_not_be_listed_is_no_proof(capsys: pytest.CaptureFixture[str]) -> None:
    there = Inventory((), (), (), (Unseen("budget", "DescribeBudgets was refused: AccessDenied"),))
    assert destroy.prove(there, [], scope()) == 1
    assert "not looked at  budget: DescribeBudgets was refused" in capsys.readouterr().out


def test_what_is_locked_is_not_left(capsys: pytest.CaptureFixture[str]) -> None:
    bucket = Item("bucket", "b", "shop-releases")
    there = Inventory((bucket,), (Held(bucket, "locked"),), (), ())
    assert left_over(there) == []
    assert destroy.prove(there, [], scope()) == 0
    assert "stays  bucket b: locked" in capsys.readouterr().out


def refuse_first(clients: object, item: Item) -> None:
    if item.id == "one":
        raise AwsError("DeleteThing was refused: AccessDenied")


def test_a_fault_in_the_middle_is_said_and_keeps_nothing_else_from_going(
    capsys: pytest.CaptureFixture[str],
) -> None:
    things = tuple(Item("thing", name, "shop-x") for name in ("one", "two"))
    kind = Kind("thing", lambda clients: things, refuse_first)
    nowhere = Clients(Aws("eu-west-1"), "111111111111")
    failures = destroy.remove(nowhere, [kind], Inventory(things, (), (), ()))
    assert [(failure.item.id, failure.reason) for failure in failures] == [
        ("one", "DeleteThing was refused: AccessDenied")
    ]
    assert capsys.readouterr().err == "removed thing two\n"


def test_a_kind_that_cannot_be_listed_keeps_no_other_from_being_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mlops.teardown.inventory.recall", lambda clients, is_wanted: frozenset())

    def refuse(clients: object) -> list[Item]:
        raise AwsError("ListThings was refused: AccessDenied")

    thing = Item("thing", "one", "shop-x")
    kinds = [Kind("hidden", refuse, refuse_first), Kind("thing", lambda clients: [thing], refuse_first)]
    seen = survey(Clients(Aws("eu-west-1"), "111111111111"), scope("training"), kinds)
    assert seen.items == (thing,)
    assert seen.unseen == (Unseen("hidden", "ListThings was refused: AccessDenied"),)


def test_every_type_of_the_templates_has_a_kind() -> None:
    known = {each for kind in KINDS for each in kind.types}
    declared = {each.type for template in read_templates(PAYLOAD) for each in template.resources.values()}
    assert declared <= known, f"mlops destroy would forget {sorted(declared - known)}"


def made_by_the_tool() -> Iterator[str]:
    """The methods of clients by which src/mlops makes things."""
    for path in (PAYLOAD / "src/mlops").rglob("*.py"):
        if "teardown" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr.startswith(
                ("create_", "put_", "start_pipeline")
            ):
                yield node.attr


def test_everything_that_the_tool_makes_has_a_kind() -> None:
    known = {method for kind in KINDS for method in kind.made_by} | ON_FORGE | EXPIRING
    made = set(made_by_the_tool())
    assert made <= known, f"mlops destroy would forget what {sorted(made - known)} makes"
    assert {method for kind in KINDS for method in kind.made_by} <= made, "a kind names what nothing makes"
