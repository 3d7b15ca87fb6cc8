"""What a job may do: its token, its identity, and what forks are kept from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from tests.sandbox.workshop import Workshop, conclusions, job, open_workshop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.forge.runs.records import RunRecord

CHECKOUT = {"uses": "actions/checkout@v7"}
ASK = (
    'curl -s -H "Authorization: Bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" '
    '"$ACTIONS_ID_TOKEN_REQUEST_URL&audience=sts.amazonaws.com" > $RUNNER_TEMP/t && '
    "python -c 'import json,sys; "
    """print("TOKEN " + json.load(open(sys.argv[1]))["value"][::-1])' $RUNNER_TEMP/t"""
)
SETUP = "git config user.name x; git config user.email x@example.com"
PUSH = f"{SETUP}; git commit -q --allow-empty -m By-job && git push origin HEAD:refs/heads/by-job"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    yield from open_workshop(tmp_path_factory.mktemp("shop"))


def steps(*found: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"runs-on": "x", "steps": list(found), **members}


def claims(shop: Workshop, run: RunRecord) -> dict[str, Any]:
    """The claims of the token that a job printed, backwards so that no mask would meet it."""
    said = [line for line in shop.log(run.latest[-1]).splitlines() if " TOKEN " in line]
    assert said, shop.log(run.latest[-1])
    return dict(shop.forge.ground.issuer.verify(said[0].split(" TOKEN ")[1][::-1], "sts.amazonaws.com"))


def test_anybody_may_verify_a_token_with_the_keys_that_the_issuer_publishes(shop: Workshop) -> None:
    token = shop.forge.ground.issuer.sign({"sub": "repo:acme/models", "aud": "me"})
    keys = jwt.PyJWKSet.from_dict(shop.get(f"{shop.forge.ground.url}/_oidc/.well-known/jwks", "").json())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    assert jwt.decode(token, key, audience="me")["sub"] == "repo:acme/models"


def test_a_job_without_id_token_write_gets_no_identity(shop: Workshop) -> None:
    run = shop.try_workflow({"jobs": {"a": job("env | grep -c ACTIONS_ID_TOKEN || true")}})
    assert " 0\n" in shop.log(run.latest[0])


def test_an_identity_names_the_job_its_workflow_and_its_branch(shop: Workshop) -> None:
    run = shop.try_workflow({"name": "Try", "permissions": {"id-token": "write"}, "jobs": {"a": job(ASK)}})
    found = claims(shop, run)
    workflow = "acme/models/.github/workflows/try.yml@refs/heads/main"
    assert found["sub"] == "repo:acme@600100/models@700100200:ref:refs/heads/main"
    assert (found["job_workflow_ref"], found["workflow_ref"]) == (workflow, workflow)
    assert (found["ref"], found["event_name"], found["actor"]) == ("refs/heads/main", "push", "ada")
    assert (found["run_id"], found["repository_id"]) == (str(run.id), "700100200")
    assert "environment" not in found


def test_an_environment_takes_the_branchs_place_in_the_subject(shop: Workshop) -> None:
    jobs = {"a": job(ASK, environment={"name": "staging"}, permissions={"id-token": "write"})}
    found = claims(shop, shop.try_workflow({"jobs": jobs}))
    assert found["sub"] == "repo:acme@600100/models@700100200:environment:staging"
    assert found["environment"] == "staging"


def test_a_called_job_is_known_by_the_file_it_is_written_in(shop: Workshop) -> None:
    shop.commit({".github/workflows/called.yml": {"on": "workflow_call", "jobs": {"b": job(ASK)}}})
    jobs = {"a": {"uses": "./.github/workflows/called.yml", "permissions": {"id-token": "write"}}}
    found = claims(shop, shop.try_workflow({"jobs": jobs}))
    assert found["job_workflow_ref"] == "acme/models/.github/workflows/called.yml@refs/heads/main"
    assert found["workflow_ref"] == "acme/models/.github/workflows/try.yml@refs/heads/main"


def test_an_identity_cannot_be_asked_for_when_the_job_has_ended(shop: Workshop) -> None:
    keep = 'echo "URL $(echo "$ACTIONS_ID_TOKEN_REQUEST_URL $ACTIONS_ID_TOKEN_REQUEST_TOKEN" | rev)"'
    run = shop.try_workflow({"permissions": {"id-token": "write"}, "jobs": {"a": job(keep)}})
    said = next(
        line for line in shop.log(run.latest[0]).splitlines() if " URL " in line and "echo" not in line
    )
    url, bearer = said.split(" URL ")[1][::-1].split(" ")
    assert shop.get(url, bearer).status_code == 401


def test_a_job_that_may_only_read_cannot_push(shop: Workshop) -> None:
    jobs = {"a": steps(CHECKOUT, {"run": PUSH}, permissions={"contents": "read"})}
    run = shop.try_workflow({"jobs": jobs})
    assert conclusions(run) == {"a": "failure"}
    assert "error: 403" in shop.log(run.latest[0])
    assert shop.forge.repository.branch("by-job") is None


def test_a_job_that_may_write_pushes_with_the_credentials_that_checkout_left(shop: Workshop) -> None:
    jobs = {"a": steps(CHECKOUT, {"run": PUSH}, permissions={"contents": "write"})}
    run = shop.try_workflow({"jobs": jobs})
    assert conclusions(run) == {"a": "success"}, shop.log(run.latest[0])
    assert shop.forge.repository.branch("by-job")


def test_credentials_that_were_not_to_persist_are_gone(shop: Workshop) -> None:
    checkout = {**CHECKOUT, "with": {"persist-credentials": False}}
    jobs = {"a": steps(checkout, {"run": "git config -l; " + PUSH}, permissions={"contents": "write"})}
    run = shop.try_workflow({"jobs": jobs})
    assert conclusions(run) == {"a": "failure"}
    assert "extraheader" not in shop.log(run.latest[0])


def test_a_job_that_may_not_read_cannot_check_out(shop: Workshop) -> None:
    run = shop.try_workflow({"permissions": {}, "jobs": {"a": steps(CHECKOUT)}})
    assert conclusions(run) == {"a": "failure"}


def test_a_checkout_is_of_the_runs_commit_and_one_commit_deep(shop: Workshop) -> None:
    shop.commit({"x": "1"})
    show = {"run": 'test "$(git rev-parse HEAD)" = "$GITHUB_SHA"; echo "n=$(git rev-list HEAD | wc -l)"'}
    run = shop.try_workflow({"jobs": {"a": steps(CHECKOUT, show)}})
    assert "n=1\n" in shop.log(run.latest[0])
    whole = {**CHECKOUT, "with": {"fetch-depth": 0}}
    run = shop.try_workflow({"jobs": {"a": steps(whole, show)}})
    assert "n=1\n" not in shop.log(run.latest[0])
    assert run.conclusion == "success", shop.log(run.latest[0])


def test_a_checkout_of_a_branch_is_on_that_branch(shop: Workshop) -> None:
    shop.commit({"only-there": "1"}, "side/branch")
    checkout = {**CHECKOUT, "with": {"ref": "side/branch", "path": "below"}}
    show = {"run": "cd below; cat only-there; git branch --show-current"}
    run = shop.try_workflow({"jobs": {"a": steps(checkout, show)}})
    assert "side/branch\n" in shop.log(run.latest[0])


def test_a_jobs_token_is_masked_and_ends_with_the_job(shop: Workshop) -> None:
    show = 'echo "plain ${{ github.token }}"; echo "back $(echo ${{ secrets.GITHUB_TOKEN }} | rev)"'
    run = shop.try_workflow({"jobs": {"a": job(show)}})
    log = shop.log(run.latest[0])
    assert "plain ***" in log
    token = next(line for line in log.splitlines() if " back " in line and "echo" not in line).split()[-1][
        ::-1
    ]
    assert token.startswith("ghs_")
    assert shop.forge.ground.tokens.lookup(token) is None


def test_two_jobs_have_tokens_of_their_own(shop: Workshop) -> None:
    show = 'curl -s -o /dev/null -w "%{http_code}" -X POST -H "Authorization: Bearer ${{ github.token }}" '
    show += '-d \'{"title": "By a job"}\' $GITHUB_API_URL/repos/$GITHUB_REPOSITORY/issues'
    jobs = {"may": job(show, permissions={"issues": "write"}), "may_not": job(show)}
    run = shop.try_workflow({"jobs": jobs})
    said = {found.name: shop.log(found) for found in run.latest}
    assert " 201" in said["may"]
    assert " 403" in said["may_not"]


def test_a_forks_pull_request_gets_no_write_token_and_no_identity(shop: Workshop) -> None:
    grant = {"contents": "write", "id-token": "write", "pull-requests": "write"}
    jobs = {
        "a": steps(
            CHECKOUT, {"run": "env | grep -c ACTIONS_ID_TOKEN || true"}, {"run": PUSH}, permissions=grant
        )
    }
    workflow = {"on": "pull_request", "jobs": jobs}
    shop.commit({".github/workflows/try.yml": workflow}, "from-fork")
    run = shop.run(shop.pull("from-fork", is_fork=True))
    assert conclusions(run) == {"a": "failure"}
    assert " 0\n" in shop.log(run.latest[0])
    assert "error: 403" in shop.log(run.latest[0])
    assert run.latest[0].permissions == {"metadata": "read", "contents": "read", "pull-requests": "read"}


def test_a_pull_requests_identity_is_of_pull_requests(shop: Workshop) -> None:
    workflow = {"on": "pull_request", "permissions": {"id-token": "write"}, "jobs": {"a": job(ASK)}}
    shop.commit({".github/workflows/try.yml": workflow}, "topic")
    found = claims(shop, shop.run(shop.pull("topic")))
    assert found["sub"] == "repo:acme@600100/models@700100200:pull_request"
    assert (found["ref"], found["head_ref"], found["base_ref"]) == ("refs/pull/7/merge", "topic", "main")


def test_outputs_that_hold_a_token_do_not_leave_the_job(shop: Workshop) -> None:
    leak = job("echo 'x=a ${{ github.token }}' >> $GITHUB_OUTPUT", outputs={"x": "${{ steps.s.outputs.x }}"})
    leak["steps"][0]["id"] = "s"
    run = shop.try_workflow({"jobs": {"a": leak}})
    assert run.latest[0].outputs == {}
    assert "ghs_" not in json.dumps(run.latest[0].steps)
