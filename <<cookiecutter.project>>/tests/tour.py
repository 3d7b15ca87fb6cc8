"""A round on CodeCommit past what builds and people seldom do there: `make record` plays it, `make test` not.

It asserts only that each step came to what it is there for: roles are to need their rarest actions too.
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import requests

from mlops.forge import MAIN
from tests.conftest import ACCOUNT
from tests.engines import OnPipelines
from tests.firm import PATIENCE
from tests.live import PAYLOAD
from tests.proposals import make_evaluation
from tests.sandbox.forge.conftest import run_git
from tests.test_parity import reaching
from tests.works import REPOSITORY, Works, found_works

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops.release import Artifact

BRANCH, OTHERS = "mlops/staging/alpha", "notes"
TYPED = ("fast_forward", "squash", "three_way")
JUNIT = '<testsuites><testsuite name="a"><testcase classname="a" name="b"/></testsuite></testsuites>'
REPORTED = json.dumps(
    {
        "version": 0.2,
        "phases": {"build": {"commands": [f"echo '{JUNIT}' > all.xml"]}},
        "reports": {"tests": {"files": ["*.xml"], "file-format": "JUNITXML"}},
    },
    indent=1,
)

pytestmark = pytest.mark.skipif(
    not (PAYLOAD / "infra/codecommit.yml").exists(), reason="this project has no files of CodeCommit"
)


@pytest.fixture
def works(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Works]:
    folder = tmp_path_factory.mktemp("tour") / "works"
    with contextmanager(found_works)(folder, ["alpha"]) as works, reaching(works.endpoint):
        yield works


@pytest.mark.recorded
def test_the_roles_of_builds_and_people_get_by_with_what_they_have(works: Works) -> None:
    propose_over_and_over(works)
    engine = OnPipelines(works)
    engine.promote("Promote alpha ", "staging", "ben")
    for weights in ("four", "five"):
        works.release("alpha", weights)
        works.build("propose", MODEL="alpha")
        engine.promote("Promote alpha ", "staging", "ben")
        works.build("propose", MODEL="alpha", ENVIRONMENT="prod")
        engine.promote("Promote alpha ", "prod", "ben", "cleo")
    strike(works, "reconcile")
    for environment in ("staging", "prod"):
        works.build("rollback", MODEL="alpha", ENVIRONMENT=environment, NOW="true")
        assert works.ask(environment, "alpha") == "four"
    strike(works, "audit", fails=True)  # no trail is delivered yet: it cannot prove a thing, and says so
    report(works, works.main())
    read_as_people(works)
    go_wrong(works)


def propose_over_and_over(works: Works) -> None:
    """A proposal that main, newer releases, a person's commit and an approval come upon, in this order."""
    works.release("alpha", "one")
    works.build("propose")
    contribute(works)
    wordy(works, "two")
    propose(works, "now proposes this instead")
    propose(works, "#1 is open")
    write(works, "ada", BRANCH, ".gitignore", "*\n")
    wordy(works, "three")
    propose(works, "was changed by @ada")
    propose(works, "now proposes this instead", MODEL="alpha", ENVIRONMENT="staging")
    (number,) = works.titles()
    works.approve(number, "cleo")
    works.release("alpha", "late")
    propose(works, "is approved and stays as it is")


def propose(works: Works, expected: str, **variables: str) -> None:
    """Have the build propose; it must come to what is expected."""
    log = works.build("propose", fails=False, **variables)
    assert expected in log, log


def wordy(works: Works, weights: str) -> Artifact:
    """A release whose proposal is too long for a description."""
    gate = {"gate": "accuracy >= 0.5 " * 20, "passed": True, "why": f"{weights} is a reason " * 20}
    gates = [gate] * 200
    evaluation = make_evaluation(model="alpha", gates=gates).model_dump_json(by_alias=True).encode()
    return works.bench.register("alpha", weights, commit=works.main(), evaluation=evaluation)


def write(works: Works, login: str, branch: str, path: str, text: str) -> None:
    """A commit of somebody's, by the console."""
    client = works.client("codecommit", login)
    tip = client.get_branch(repositoryName=REPOSITORY, branchName=branch)["branch"]["commitId"]
    client.create_commit(
        repositoryName=REPOSITORY,
        branchName=branch,
        parentCommitId=tip,
        putFiles=[{"filePath": path, "fileContent": text.encode()}],
        authorName=login,
        email=f"{login}@example.com",
    )


def contribute(works: Works) -> None:
    """Pull requests of people's, merged in each of the ways, beside one that is given up."""
    for way in TYPED:
        number, client = open_pull(works, way), works.client("codecommit", "ben")
        works.approve(number, "ben")
        arguments = {"pullRequestId": str(number), "repositoryName": REPOSITORY}
        getattr(client, f"merge_pull_request_by_{way}")(**arguments)
    given_up, client = str(open_pull(works, "given-up")), works.client("codecommit", "dan")
    client.update_pull_request_title(pullRequestId=given_up, title="No")
    client.update_pull_request_description(pullRequestId=given_up, description="Not now")
    client.update_pull_request_status(pullRequestId=given_up, pullRequestStatus="CLOSED")
    client.delete_branch(repositoryName=REPOSITORY, branchName="given-up")


def open_pull(works: Works, name: str) -> int:
    """A branch of dan's, by git or in the console, and its pull request."""
    remote, client = works.remote("dan"), works.client("codecommit", "dan")
    run_git(works.folder, "fetch", "-q", remote, MAIN)
    if name in TYPED:
        run_git(works.folder, "push", "-q", remote, f"FETCH_HEAD:refs/heads/{name}")
    else:
        client.create_branch(repositoryName=REPOSITORY, branchName=name, commitId=works.main())
    write(works, "dan", name, f"{OTHERS}/{name}.md", f"{name}\n")
    target = {"repositoryName": REPOSITORY, "sourceReference": name, "destinationReference": MAIN}
    made = client.create_pull_request(title=name, targets=[target])["pullRequest"]
    return int(made["pullRequestId"])


def strike(works: Works, name: str, fails: bool = False) -> None:
    """Let the hour of a build's rule come, and wait for what it starts."""
    hour = {"account": ACCOUNT, "rule": f"acme-{name}-training"}
    assert requests.post(f"{works.endpoint}/_sandbox/schedule", json=hour, timeout=30).ok
    builds, deadline = works.client("codebuild"), time.monotonic() + PATIENCE
    while not (ids := builds.list_builds_for_project(projectName=f"acme-{name}")["ids"]):
        assert time.monotonic() < deadline, f"the hour of {name} started no build"
        time.sleep(0.1)
    works.await_build(ids[0], fails)


def report(works: Works, version: str) -> None:
    """A check whose tests have a report, as a model's have."""
    asked = {"projectName": "acme-check", "sourceVersion": version, "buildspecOverride": REPORTED}
    works.await_build(works.client("codebuild").start_build(**asked)["build"]["id"])


def read_as_people(works: Works) -> None:
    """What the console asks for when somebody looks at a pull request, and a word on it."""
    client = works.client("codecommit", "eve")
    number = open_pull(works, "looked-at")
    pull = client.get_pull_request(pullRequestId=str(number))["pullRequest"]
    (target,) = pull["pullRequestTargets"]
    head, base = target["sourceCommit"], target["destinationCommit"]
    own, asked = {"repositoryName": REPOSITORY}, {"pullRequestId": str(number)}
    state = {**asked, "revisionId": pull["revisionId"]}
    (changed,) = client.get_differences(**own, beforeCommitSpecifier=base, afterCommitSpecifier=head)[
        "differences"
    ]
    client.get_blob(**own, blobId=changed["afterBlob"]["blobId"])
    client.get_repository(**own)
    client.list_branches(**own)
    client.list_pull_requests(**own)
    client.get_commit(**own, commitId=head)
    client.batch_get_commits(**own, commitIds=[head, base])
    client.get_file(**own, commitSpecifier=head, filePath="project.yml")
    client.get_folder(**own, commitSpecifier=head, folderPath="/")
    client.describe_pull_request_events(**asked)
    client.get_pull_request_approval_states(**state)
    client.get_pull_request_override_state(**state)
    client.evaluate_pull_request_approval_rules(**state)
    names = client.list_associated_approval_rule_templates_for_repository(**own)["approvalRuleTemplateNames"]
    client.get_approval_rule_template(approvalRuleTemplateName=names[0])
    talk(client, {**asked, **own, "beforeCommitId": base, "afterCommitId": head})
    compare(client, {**own, "sourceCommitSpecifier": head, "destinationCommitSpecifier": base})


def compare(client: Any, sides: dict[str, Any]) -> None:
    """Whether two commits merge, and a branch that takes main in."""
    client.get_merge_options(**sides)
    client.get_merge_conflicts(**sides, mergeOption="THREE_WAY_MERGE")
    turned = {
        **sides,
        "sourceCommitSpecifier": sides["destinationCommitSpecifier"],
        "destinationCommitSpecifier": sides["sourceCommitSpecifier"],
    }
    client.merge_branches_by_three_way(**turned, targetBranch="looked-at")


def talk(client: Any, place: dict[str, str]) -> None:
    """A comment, an answer to it, and both read and taken back."""
    said = client.post_comment_for_pull_request(**place, content="Why")["comment"]["commentId"]
    client.post_comment_reply(inReplyTo=said, content="Because")
    client.get_comments_for_pull_request(pullRequestId=place["pullRequestId"])
    client.delete_comment_content(commentId=said)


def go_wrong(works: Works) -> None:
    """What people must not: each is refused, and the record says so."""
    main = works.main()
    refused = run_git(
        works.folder, "push", "-q", works.remote("dan"), f"+{main}^:refs/heads/{MAIN}", check=False
    )
    assert refused.returncode, "a direct push to main"
    for service, operation, arguments in WRONG:
        client = works.client(service, "dan")
        with pytest.raises(client.exceptions.ClientError, match="AccessDenied"):
            getattr(client, operation)(**arguments)
    assert works.main() == main


ASIDE = "version: 0.2\nphases: {build: {commands: ['true']}}\n"
APPROVAL = {"pipelineName": "acme-deploy-prod", "stageName": "Approve", "actionName": "Approve"}
WRONG: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("codebuild", "start_build", {"projectName": "acme-deploy-prod", "buildspecOverride": ASIDE}),
    ("codepipeline", "start_pipeline_execution", {"name": "acme-deploy-prod"}),
    ("codepipeline", "delete_pipeline", {"name": "acme-deploy-prod"}),
    (
        "codepipeline",
        "put_approval_result",
        {**APPROVAL, "token": "0" * 36, "result": {"summary": "", "status": "Approved"}},
    ),
    ("codecommit", "delete_branch", {"repositoryName": REPOSITORY, "branchName": MAIN}),
    ("codecommit", "delete_repository", {"repositoryName": REPOSITORY}),
    (
        "sts",
        "assume_role",
        {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/acme-build-deploy-prod", "RoleSessionName": "dan"},
    ),
)
