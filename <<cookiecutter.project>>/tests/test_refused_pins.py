"""Pins that came into main although they should not have: one run of `deploy` names what is wrong with each.

An admin has switched main's rules off, or they were never on, as on a plan that has none: `deploy` counts for
itself.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from mlops.pin import pin_path
from tests.audit.workplace import Workplace
from tests.firm import NEEDS_WORKFLOWS, found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.firm import Firm

pytestmark = NEEDS_WORKFLOWS
SKIP = "[skip ci]"
APPROVER = """\
on: {workflow_dispatch: {inputs: {number: {type: string}}}}
name: Approve
permissions: {pull-requests: write}
jobs:
  approve:
    runs-on: ubuntu-24.04
    steps:
      - run: >-
          curl -sSf -H "Authorization: Bearer $TOKEN" -d '{"event": "APPROVE"}'
          "$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/pulls/$NUMBER/reviews"
        env:
          TOKEN: ${{ github.token }}
          NUMBER: ${{ inputs.number }}
"""
SHA = "[0-9a-f]{12}"
REFUSALS = {
    "direct": f"commit {SHA} came into main without a pull request; nobody approved it. Revert it, then",
    "workflow": r"pull request #\d+ also changes '\.github/workflows/train\.yml'; a pull request that moves",
    "mixed": rf"what was merged by #\d+ is not what its head {SHA} held; nobody reviewed it",
    "moved": f"main pins something else by now than {SHA}; nothing was deployed",
    "unknown": f"commit {SHA} was written by 'x@laptop', whom the forge does not know",
    "nobody": r"pull request #\d+ has 0 of 1 approvals \(nobody reviewed it\)\. Nothing was deployed",
    "wrote": rf"0 of 1 approvals \(@cleo does not: wrote {SHA}, which it brings\)",
    "cowrote": rf"0 of 1 approvals \(@cleo does not: wrote {SHA}, which it brings\)",
    "merged": r"0 of 1 approvals \(@cleo does not: merged #\d+, which it brings\)",
    "pushed": rf"0 of 1 approvals \(@cleo does not: wrote {SHA} of the pull request\)",
    "robot": r"0 of 1 approvals \(@github-actions\[bot\] does not: is a bot\)",
    "outsider": r"0 of 1 approvals \(@eve does not: may not push to the repository\)",
    "changes": r"0 of 1 approvals \(@cleo does not: said CHANGES_REQUESTED\)",
    "dismissed": r"0 of 1 approvals \(@cleo does not: said DISMISSED\)",
    "stale": rf"0 of 1 approvals \(@cleo does not: approved {SHA}, merged was {SHA}\)",
}

ACCUSED = {
    "direct": ["no-pull-request"],
    "workflow": ["merged-not-deployed", "not-alone"],
}


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firm]:
    """A firm with a model for each way to go wrong, and one where all went well."""
    yield from found(tmp_path_factory.mktemp("firm") / "project", [*REFUSALS, "good"])


@pytest.fixture
def firm(founded: Firm, monkeypatch: pytest.MonkeyPatch) -> Firm:
    """The firm, its AWS in reach."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", founded.endpoint)
    return founded


def test_deploy_refuses_each_for_its_own_reason_and_deploys_the_good_one(firm: Firm) -> None:
    refuse_by_rule(firm)
    firm.enforce(False)
    firm.ada.call("PUT", "/actions/permissions/workflow", can_approve_pull_request_reviews=True)
    push_sources(firm)
    for model in (*REFUSALS, "good"):
        WAYS.get(model, merge_approved)(firm, model)
    known = firm.ada.known_runs()
    firm.ada.dispatch("deploy.yml")
    move_main(firm)
    log = firm.await_run("Deploy", known, fails=True)["Staging"]
    for model, words in REFUSALS.items():
        assert re.search(rf"{model}: create, release sha256:\w+: .*{words}", log), f"{model}:\n{log}"
    assert re.search(r"good: create, release sha256:\w{64}\n", log)
    endpoints = firm.sign_in("staging").sagemaker.list_endpoints()["Endpoints"]
    assert [endpoint["EndpointName"] for endpoint in endpoints] == ["acme-staging-good"]
    evidence = firm.bench.aws.s3.list_objects_v2(
        Bucket=firm.bench.project.releases_bucket, Prefix="evidence/"
    )
    assert [entry["Key"].split("/")[2] for entry in evidence["Contents"]] == ["good"]
    audit(firm)


def audit(firm: Firm) -> None:
    """A day later the audit names each pin that main should not hold, and what it sees of why."""
    firm.own.git("pull", "-q", "origin", "main")
    report = Workplace(firm, firm.folder).audit((*REFUSALS, "good"))
    assert (report.code, report.content["problems"]) == (1, [])
    assert report.rules == {**{model: ["merged-not-deployed"] for model in sorted(REFUSALS)}, **ACCUSED}
    assert (
        "shows no pull request ('Promote [skip ci]' by ada@"
        in report.one("direct", "no-pull-request")["message"]
    )
    assert report.verdicts("good", "endpoint") == ["proved"]


def propose(firm: Firm, model: str, weights: str = "one", login: str = "ben", **serve: Any) -> int:
    """Somebody's pull request of a pin; its number."""
    text = firm.pin(firm.release(model, f"{model} {weights}"), model, **serve)
    branch = f"{model}/{weights}/{len(serve)}"
    firm.hub(login).push_file(branch, pin_path("staging", model), text, f"Promote {model} {SKIP}")
    return firm.people[login].open_pull(branch, f"Promote {model}")


def merge(firm: Firm, number: int, by: str = "ada") -> str:
    return firm.merge(number, "squash", by, f"Merge {SKIP}")


def refuse_by_rule(firm: Firm) -> None:
    """While main has its rules, a pin beside a workflow is stopped at the check, and no author approves."""
    number = propose_with_workflow(firm, skip="")
    firm.ada.await_check(number, fails=True)
    refused = firm.people["ben"].call("POST", f"/pulls/{number}/reviews", refused=True, event="APPROVE")
    assert "Can not approve your own pull request" in str(refused)
    firm.approve(number, "cleo")
    refused = firm.ada.call("PUT", f"/pulls/{number}/merge", refused=True, merge_method="squash")
    assert 'Required status check "check" is failing' in refused["message"]


def propose_with_workflow(firm: Firm, skip: str = SKIP) -> int:
    text = firm.pin(firm.release("workflow", "workflow one"), "workflow")
    hub, path = firm.hub("ben"), ".github/workflows/train.yml"
    kept = (hub.read_file(path, "main") or b"").decode()
    hub.push_file("workflow/one", path, f"{kept}# a word\n", f"Change {SKIP}")
    clone = firm.clone("ben")
    clone.git("checkout", "-q", "workflow/one")
    clone.commit({pin_path("staging", "workflow"): text}, f"Promote {skip}")
    assert clone.push().returncode == 0
    return firm.people["ben"].open_pull("workflow/one", "Promote workflow")


def push_sources(firm: Firm) -> None:
    """What the releases of some models bring, each by a commit of its own."""
    own = firm.own
    authors = {
        "wrote": ("Cleo Marsh <cleo@example.com>", ""),
        "cowrote": (
            "Ada Quist <ada@example.com>",
            "\n\nCo-authored-by: Cleo <5003+cleo@users.noreply.github.com>",
        ),
        "unknown": ("Nobody <x@laptop>", ""),
    }
    for model, (author, trailer) in authors.items():
        (firm.folder / f"models/{model}/train.py").write_text(f'"""Train {model}."""\n')
        own.git("add", "-A")
        own.git("commit", "-q", f"--author={author}", "-m", f"Train {model} {SKIP}{trailer}")
    assert own.push("origin", "main").returncode == 0


def push_directly(firm: Firm, model: str) -> None:
    text = firm.pin(firm.release(model, "direct one"), model)
    clone, now = firm.clone("ada"), Workplace(firm, firm.folder).now()
    clone.commit({pin_path("staging", model): text}, f"Promote {SKIP}")
    # the sandbox's clock runs ahead of the one that git reads
    clone.git("commit", "-q", "--amend", "--no-edit", f"--date={now}")
    clone.git("rebase", "-q", "--force-rebase", "--committer-date-is-author-date", "HEAD~1")
    assert clone.push().returncode == 0


def merge_with_workflow(firm: Firm, model: str) -> None:
    number = firm.pull("Promote workflow")
    merge(firm, number)


def merge_two_at_once(firm: Firm, model: str) -> None:
    """Two promotions of one model, each approved; git puts them together to what nobody has seen."""
    merge(firm, propose(firm, model))
    more = propose(firm, model, count=2)
    newer = propose(firm, model, "two")
    for number in (more, newer):
        firm.approve(number, "cleo")
        merge(firm, number)
    assert firm.read_pin("staging", model)["serving"]["serve"]["count"] == 2


def merge_one_of_two(firm: Firm, model: str) -> None:
    number = propose(firm, model)
    firm.approve(number, "cleo")
    merge(firm, number)
    firm.approve(propose(firm, model, "two"), "cleo")


def move_main(firm: Firm) -> None:
    """While a run of `deploy` begins, main moves on."""
    merge(firm, firm.pull("Promote moved"))


def merge_approved(firm: Firm, model: str) -> None:
    number = propose(firm, model)
    firm.approve(number, "cleo")
    merge(firm, number)


def merge_unread(firm: Firm, model: str) -> None:
    merge(firm, propose(firm, model))


def merge_sources_as_approver(firm: Firm, model: str) -> None:
    firm.hub("dan").push_file("dan/merged", f"models/{model}/train.py", "# dan\n", f"Train {SKIP}")
    merge(firm, firm.people["dan"].open_pull("dan/merged", "Train"), "cleo")
    merge_approved(firm, model)


def push_as_approver(firm: Firm, model: str) -> None:
    number = propose(firm, model)
    again = firm.pin(firm.release(model, "pushed one"), model, count=3)
    firm.hub("cleo").push_file(f"{model}/one/0", pin_path("staging", model), again, f"Take three {SKIP}")
    firm.approve(number, "cleo")
    merge(firm, number)


def approve_as_robot(firm: Firm, model: str) -> None:
    clone = firm.clone("ada")
    clone.commit({".github/workflows/approve.yml": APPROVER}, f"Approve {SKIP}")
    assert clone.push().returncode == 0
    number = propose(firm, model)
    firm.run("approve.yml", "Approve", number=str(number))
    merge(firm, number)


def approve_as_outsider(firm: Firm, model: str) -> None:
    number = propose(firm, model)
    firm.approve(number, "eve")
    merge(firm, number)


def take_approval_back(firm: Firm, model: str) -> None:
    number = propose(firm, model)
    firm.approve(number, "cleo")
    review(firm, number, "REQUEST_CHANGES")
    merge(firm, number)


def review(firm: Firm, number: int, event: str) -> int:
    said = firm.people["cleo"].call("POST", f"/pulls/{number}/reviews", event=event, body="Words")
    return int(said["id"])


def dismiss_approval(firm: Firm, model: str) -> None:
    number = propose(firm, model)
    given = review(firm, number, "APPROVE")
    firm.ada.call("PUT", f"/pulls/{number}/reviews/{given}/dismissals", message="Too early")
    merge(firm, number)


def change_after_approval(firm: Firm, model: str) -> None:
    number = propose(firm, model)
    firm.approve(number, "cleo")
    again = firm.pin(firm.release(model, "stale one"), model, count=3)
    firm.hub("dan").push_file(f"{model}/one/0", pin_path("staging", model), again, f"Take three {SKIP}")
    merge(firm, number)


WAYS = {
    "direct": push_directly,
    "workflow": merge_with_workflow,
    "mixed": merge_two_at_once,
    "moved": merge_one_of_two,
    "nobody": merge_unread,
    "merged": merge_sources_as_approver,
    "pushed": push_as_approver,
    "robot": approve_as_robot,
    "outsider": approve_as_outsider,
    "changes": take_approval_back,
    "dismissed": dismiss_approval,
    "stale": change_after_approval,
}
