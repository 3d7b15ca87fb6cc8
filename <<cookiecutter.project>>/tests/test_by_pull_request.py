"""The loop of two models by pull request: the repository's own workflows, people, three accounts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ACCOUNT, REGION
from tests.firm import NEEDS_WORKFLOWS, await_true, found
from tests.live import run_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.firm import Firm

pytestmark = NEEDS_WORKFLOWS
MODELS = ("alpha", "beta")
RATIFICATION = """\
schema: 1
finding: "{finding}"
rule: console-approval
until: "{until}"
why: beta was approved in the console, in a drill
"""
THIEF = """\
on: pull_request
permissions: {contents: read, id-token: write}
jobs:
  steal:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
      - run: bin/mlops login deploy-prod --session thief
"""


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firm]:
    """A firm with two models."""
    yield from found(tmp_path_factory.mktemp("firm") / "project", MODELS)


@pytest.fixture
def firm(founded: Firm, monkeypatch: pytest.MonkeyPatch) -> Firm:
    """The firm, its AWS in reach."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", founded.endpoint)
    return founded


def test_two_models_go_round_by_pull_requests_that_cross(firm: Firm) -> None:
    for model in MODELS:
        firm.release(model, f"{model} one")
    propose_twice_and_kill_the_first(firm)
    deploy_both_and_kill_the_first(firm)
    assert live(firm, "staging") == ["alpha one", "beta one"]
    firm.release("alpha", "alpha two")
    firm.run("reconcile.yml", "Reconcile")
    newer, alpha, beta = find_proposals(firm)
    change_after_approval(firm, beta)
    refuse_direct_push(firm)
    merge_in_another_order(firm, newer, alpha, beta)
    assert live(firm, "staging") == ["alpha two", "beta one"]
    assert live(firm, "prod") == ["nothing", "beta one"], "the lost event was not lost"
    logs = firm.run("reconcile.yml", "Reconcile")
    assert "alpha: create, release" in logs["Deploy / Prod"]
    assert live(firm, "prod") == ["alpha one", "beta one"]
    check_evidence(firm, alpha)
    break_the_glass(firm)
    assert live(firm, "staging") == ["alpha one", "beta one"]
    audit_and_ratify(firm)


def live(firm: Firm, environment: str) -> list[str]:
    """What the endpoints of an environment answer."""
    client = firm.sign_in(environment).sagemaker
    there = {endpoint["EndpointName"] for endpoint in client.list_endpoints()["Endpoints"]}
    return [
        firm.ask(environment, model) if f"acme-{environment}-{model}" in there else "nothing"
        for model in MODELS
    ]


def propose_twice_and_kill_the_first(firm: Firm) -> None:
    """A doubled event, and a run that dies between branch and pull request: the other one does all."""
    firm.fail(503, 2, "POST .*/pulls$")
    known = firm.ada.known_runs()
    for _ in range(2):
        firm.ada.dispatch("propose.yml")
    firm.kill("propose", lambda: firm.hub("ada").find_branch("mlops/staging/alpha"))
    await_ends(firm, "Propose", known, ["failure", "success"])
    pulls = firm.ada.call("GET", "/pulls?state=all&per_page=100")
    assert [pull["head"]["ref"] for pull in pulls] == ["mlops/staging/beta", "mlops/staging/alpha"]


def await_ends(firm: Firm, name: str, known: set[int], conclusions: list[str]) -> None:
    """Wait for runs that something started, oldest first."""

    def runs() -> list[str]:
        fresh = [run for run in firm.ada.runs() if run["id"] not in known and run["name"] == name]
        return [run["conclusion"] for run in sorted(fresh, key=lambda run: int(run["id"]))]

    await_true(lambda: len(runs()) == len(conclusions) and all(runs()))
    assert runs() == conclusions


def deploy_both_and_kill_the_first(firm: Firm) -> None:
    """Merged in the order in which they were not opened; main moves under the first run, which dies."""
    alpha, beta = firm.pull("Promote alpha "), firm.pull("Promote beta ")
    for number in (alpha, beta):
        firm.ada.await_check(number)
        firm.approve(number, "ben")
    known = firm.ada.known_runs()
    firm.merge(beta, "rebase")
    firm.merge(alpha, "squash")
    client = firm.sign_in("staging").sagemaker
    firm.kill("deploy", lambda: client.list_endpoints(NameContains="beta")["Endpoints"])
    await_ends(firm, "Deploy", known, ["failure", "success"])


def find_proposals(firm: Firm) -> tuple[int, int, int]:
    """Alpha's second release for staging; both models' first for prod: all open at once."""
    pulls = firm.ada.call("GET", "/pulls?state=open&per_page=100")
    numbers = {pull["head"]["ref"]: int(pull["number"]) for pull in pulls}
    assert set(numbers) == {"mlops/staging/alpha", "mlops/prod/alpha", "mlops/prod/beta"}
    for number in numbers.values():
        firm.ada.await_check(number)
    return numbers["mlops/staging/alpha"], numbers["mlops/prod/alpha"], numbers["mlops/prod/beta"]


def change_after_approval(firm: Firm, number: int) -> None:
    """A commit on top takes the approvals away; those who see it may give them again."""
    firm.approve(number, "ben", "cleo")
    text = firm.hub("dan").read_file("releases/prod/beta.yml", "mlops/prod/beta") or b""
    changed = text.decode().replace("count: 1", "count: 2")
    firm.hub("dan").push_file("mlops/prod/beta", "releases/prod/beta.yml", changed, "Take two")
    reviews = firm.hub("ada").list_reviews(number)
    assert [review.state for review in reviews] == ["DISMISSED", "DISMISSED"]
    log = firm.run("propose.yml", "Propose")["Propose"]
    assert f"beta to prod: #{number} was changed by @dan and stays as it is" in log
    firm.ada.await_check(number)
    refused = firm.ada.call("PUT", f"/pulls/{number}/merge", refused=True, merge_method="squash")
    assert "At least 1 approving review is required" in refused["message"]
    firm.approve(number, "ben", "cleo")


def refuse_direct_push(firm: Firm) -> None:
    """Main takes no push, whoever pushes."""
    for login in ("ada", "ben"):
        clone = firm.clone(login)
        clone.commit({"README.md": "mine\n"})
        pushed = clone.push()
        assert pushed.returncode != 0
        assert "GH013: Repository rule violations found for refs/heads/main" in pushed.stderr


def merge_in_another_order(firm: Firm, newer: int, alpha: int, beta: int) -> None:
    """By all three methods, two promotions of one model among them; the last one's event is lost."""
    firm.approve(newer, "cleo")
    firm.approve(alpha, "ben", "dan")
    known = firm.ada.known_runs()
    firm.merge(newer, "squash")
    firm.merge(beta, "rebase")
    firm.merge(alpha, "merge", title="Merge alpha [skip ci]")
    await_ends(firm, "Deploy", known, ["success", "success"])


def check_evidence(firm: Firm, number: int) -> None:
    """What was approved stands in the releases bucket and on the package."""
    s3, bucket = firm.bench.aws.s3, firm.bench.project.releases_bucket
    (entry,) = s3.list_objects_v2(Bucket=bucket, Prefix="evidence/prod/alpha/")["Contents"]
    evidence = json.loads(s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read())
    assert evidence["pull_request"]["number"] == number
    assert [review["by"]["login"] for review in evidence["approvals"]] == ["ben", "dan"]
    assert evidence["run"]["workflow_ref"] == "acme/models/.github/workflows/reconcile.yml@refs/heads/main"


def break_the_glass(firm: Firm) -> None:
    """Staging goes back at once; `deploy` is held until a pull request says the same."""
    logs = firm.run("rollback.yml", "Roll back", model="alpha", environment="staging", now="true")
    assert "and `deploy` is held" in logs["Flip in staging"]
    assert live(firm, "staging") == ["alpha one", "beta one"]
    logs = firm.run("deploy.yml", "Deploy", fails=True)
    assert "Ratify it by pinning what it serves: mlops rollback alpha --env staging" in logs["Staging"]
    number, known = firm.pull("Roll alpha back to "), firm.ada.known_runs()
    firm.ada.await_check(number)
    firm.approve(number, "dan")
    firm.merge(number)
    logs = firm.await_run("Deploy", known)
    assert "alpha: nothing, release" in logs["Staging"]


def audit_and_ratify(firm: Firm) -> None:
    """The nightly run opens an issue for what a stranger did; a reviewed pull request closes it."""
    package = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/acme-beta/1"
    firm.bench.aws.sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")
    state, body = audit(firm, fails=True)
    assert (state, "root approved" in body) == ("open", True)
    _, _, _, finding, until, _ = body.splitlines()[0].split()
    clone = firm.clone("ada")
    clone.git("switch", "-q", "-c", "ratify")
    text = RATIFICATION.format(finding=finding, until=until)
    clone.commit({f"audit/ratified/{finding}.yml": text}, "Ratify")
    assert clone.push().returncode == 0
    number = firm.ada.open_pull("ratify", "Ratify")
    firm.ada.await_check(number)
    firm.approve(number, "ben", "cleo")
    firm.merge(number)
    state, _ = audit(firm, fails=False)
    assert state == "closed"


def audit(firm: Firm, *, fails: bool) -> tuple[str, str]:
    """Deliver the trail, run the nightly workflow; state and body of the one issue that there is."""
    run_sandbox(firm.folder, "trail")
    log = firm.run("audit.yml", "Audit", fails=fails)["Audit"]
    issues = firm.ada.call("GET", "/issues?state=all&labels=audit&per_page=100")
    assert len(issues) == 1, log
    (newest, *_) = firm.ada.call("GET", "/actions/artifacts?name=audit")["artifacts"]
    assert newest["workflow_run"]["id"] == max(run["id"] for run in firm.ada.runs()), "the report is kept"
    return issues[0]["state"], issues[0]["body"]


def test_a_forks_pull_request_gets_no_token_and_an_insiders_no_role(firm: Firm) -> None:
    firm.people["eve"].call("POST", "/forks", default_branch_only=True)
    assert "this job has no identity token" in steal(firm, "eve", "eve/models", "eve:thief")
    assert "Not authorized to perform sts:AssumeRoleWithWebIdentity" in steal(firm, "dan")


def steal(firm: Firm, login: str, repository: str = "acme/models", head: str = "thief") -> str:
    """Somebody's pull request brings a workflow that signs in as prod's role; what it printed."""
    clone, known = firm.clone(login, repository), firm.ada.known_runs()
    clone.git("checkout", "-q", "-b", "thief")
    clone.commit({".github/workflows/steal.yml": THIEF}, "Mend a word")
    assert clone.push().returncode == 0
    firm.people[login].open_pull(head, "Mend a word")
    fresh = [run for run in firm.ada.runs() if run["id"] not in known]
    (run,) = [run for run in fresh if run["path"].endswith("/steal.yml")]
    if login == "eve":  # nobody has merged anything of hers
        assert run["conclusion"] == "action_required"
        firm.ada.call("POST", f"/actions/runs/{run['id']}/approve")
    await_true(lambda: firm.ada.call("GET", f"/actions/runs/{run['id']}")["conclusion"] == "failure")
    (log,) = firm.read_logs(run["id"]).values()
    return log
