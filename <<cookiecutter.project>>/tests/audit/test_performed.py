"""Scenarios performed in the sandbox, not told: its own trail, fetched and audited.

The number of each scenario stands in docs/scenarios.md.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.audit.performance import perform
from tests.audit.workplace import Workplace
from tests.conftest import ACCOUNT, REGION
from tests.firm import Firm

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.audit.performance import Performance

ACCUSED = {
    "on-born": ["born-approved"],
    "on-byte": ["merged-not-deployed", "never-staged"],
    "on-denied": ["attempt"],
    "on-desk": ["console-approval"],
    "on-extra": ["other-package", "variant"],
    "on-falls": ["drift"],
    "on-glass": ["break-glass"],
    "on-mixed": ["other-commit", "other-release", "stale"],
    "on-move": ["stranger"],
    "on-raw": ["unregistered"],
    "on-shift": ["stranger"],
    "on-skip": ["merged-not-deployed", "never-staged"],
    "on-swap": ["merged-not-deployed", "overwritten"],
}
MALLORY = "arn:aws:iam::111111111111:user/mallory"


@pytest.fixture(scope="module")
def play(live: Path, endpoint_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Performance]:
    """All scenarios, each by a model of its own; then the audit."""
    folder = tmp_path_factory.mktemp("performed") / "project"
    folder.mkdir()
    forge = json.loads((live / ".sandbox/sandbox.json").read_text())["forge"]
    tokens = json.loads((live / ".sandbox/forge/tokens.json").read_text())
    settings = {
        "AWS_ACCESS_KEY_ID": f"AKIAROOT{ACCOUNT}",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": endpoint_url,
        "GITHUB_API_URL": f"{forge}/api/v3",
        "GITHUB_TOKEN": tokens["ben"],
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        patch.chdir(folder)
        yield perform(Workplace(Firm(folder, endpoint_url, forge, tokens), live))


def test_who_went_round_git_is_accused_and_nobody_else(play: Performance) -> None:
    assert play.report.rules == ACCUSED
    assert (play.report.code, play.report.content["problems"]) == (1, [])


def test_what_a_job_promoted_is_proved_and_so_is_the_way_back(play: Performance) -> None:
    assert play.report.verdicts("on-again", "endpoint") == ["proved"] * 3
    assert play.report.verdicts("on-again", "approval") == ["proved"] * 3
    assert play.report.verdicts("on-again", "pin") == ["proved"] * 3


def test_an_approval_by_an_administrator_names_them_and_the_call(play: Performance) -> None:
    finding = play.report.one("on-desk", "console-approval")
    assert f"{MALLORY} approved" in finding["message"]
    assert play.report.events("on-desk", "console-approval") == {play.report.event_of(play.calls["desk"])}


def test_a_package_that_is_born_approved_is_denied_to_jobs_and_found(play: Performance) -> None:
    (refused,) = play.calls["register"]
    assert "sagemaker:CreateModelPackage" in refused["Error"]["Message"]
    finding = play.report.one("on-born", "born-approved")
    assert f"{MALLORY} registered" in finding["message"]
    assert play.report.events("on-born", "born-approved") == {play.report.event_of(play.calls["born"])}


def test_an_endpoint_that_an_administrator_moved_is_found_with_both_releases(play: Performance) -> None:
    message = play.report.one("on-move", "stranger")["message"]
    one, two = (play.pins["on-move", weights] for weights in ("one", "two"))
    assert f"{MALLORY} did it: served was {two.release} (pinned by {two.commit[:12]})" in message
    assert f"then {one.release} (pinned by {one.commit[:12]})" in message
    assert play.report.events("on-move", "stranger") == {play.report.event_of(play.calls["move"])}


def test_weights_that_a_person_shifted_are_found_and_those_of_autoscaling_not(play: Performance) -> None:
    assert play.report.one("on-shift", "stranger")["message"].startswith("UpdateEndpointWeightsAndCapacities")
    assert play.report.events("on-shift", "stranger") == {play.report.event_of(play.calls["shift"])}
    assert play.report.verdicts("on-scale", "endpoint") == ["proved"]


def test_a_second_variant_that_the_deploy_role_added_is_found(play: Performance) -> None:
    assert "\non-extra: nothing, release" in play.said["status"], "the name alone shows no drift"
    message = play.report.one("on-extra", "variant")["message"]
    assert message.endswith("its config serves what no pin names: more: acme-on-extra-staging-stowaway")
    assert play.report.events("on-extra", "variant") == {play.report.event_of(play.calls["extra"])}


def test_a_model_that_the_deploy_role_made_without_a_package_is_refused_and_found(play: Performance) -> None:
    assert "on-raw-staging-" in play.said["second"]
    assert "exists, but is not made from" in play.said["second"]
    message = play.report.one("on-raw", "unregistered")["message"]
    assert "was made from no package but from" in message
    assert play.report.events("on-raw", "unregistered") == {play.report.event_of(play.calls["raw"])}


def test_an_archive_that_was_swapped_after_its_approval_is_refused_and_found(play: Performance) -> None:
    assert "on-swap/" in play.said["second"]
    assert "was changed after it was registered" in play.said["second"]
    assert "Do not serve it; pin another release" in play.said["second"]


@pytest.mark.parametrize(
    ("model", "refusal"),
    [
        ("on-skip", "is PendingManualApproval; staging approves first"),
        ("on-byte", "the pin's artifact is not what package"),
    ],
)
def test_a_prod_pin_that_was_never_stagings_is_refused_twice_and_found(
    play: Performance, model: str, refusal: str
) -> None:
    assert f"releases/prod/{model}.yml: release 'sha256:" in play.said["check"]
    (line,) = [line for line in play.said["prod"].splitlines() if line.startswith(f"{model}: create")]
    assert refusal in line
    assert "was never pinned in staging before" in play.report.one(model, "never-staged")["message"]


def test_a_session_of_another_pull_request_is_contradicted(play: Performance) -> None:
    one, two = (play.pins["on-mixed", weights] for weights in ("one", "two"))
    message = play.report.one("on-mixed", "other-release")["message"]
    assert f"session 'p{one.pull}.{one.commit[:12]}." in message
    assert f"is for '{one.config}' ({one.release}), the call was for '{two.config}'" in message
    assert f"the approval for {two.commit[:12]}" in play.report.one("on-mixed", "other-commit")["message"]


def test_twelve_denied_approvals_are_one_attempt(play: Performance) -> None:
    attempts = [entry for entry in play.report.content["findings"] if "12 times" in entry["message"]]
    (finding,) = attempts
    assert {event["id"] for event in finding["events"]} == {
        play.report.event_of(answer) for answer in play.calls["approve"]
    }


def test_a_run_that_is_started_again_after_a_revert_is_refused(play: Performance) -> None:
    two = play.pins["on-again", "two"]
    assert (
        f"main pins something else by now than {two.commit[:12]}; nothing was deployed" in play.said["again"]
    )


def test_an_automatic_rollback_is_drift_until_its_revert_is_merged(play: Performance) -> None:
    finding, two = play.report.one("on-falls", "drift"), play.pins["on-falls", "two"]
    assert f"SageMaker took {two.release} (pinned by {two.commit[:12]}) back by itself" in finding["message"]
    assert finding["verdict"] == "break-glass", "nobody attacked"
    assert "opened #" in play.said["revert"]
    assert play.pins["on-falls", "back"].release == play.pins["on-falls", "one"].release
    assert "on-falls" not in play.later.rules


def test_a_rollback_to_what_was_never_verified_is_refused(play: Performance) -> None:
    assert play.said["never"].startswith(
        "1\nmlops: 'on-never' has no earlier release that was live in staging"
    )


def test_a_rollback_by_hand_stays_a_finding(play: Performance) -> None:
    assert "and `deploy` is held" in play.said["glass"]
    message = play.report.one("on-glass", "break-glass")["message"]
    assert message.endswith("ratify it: mlops rollback on-glass --env staging")
