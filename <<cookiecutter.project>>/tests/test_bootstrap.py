"""`mlops bootstrap` in accounts that are empty, half made, or somebody else's."""

from __future__ import annotations

import io
import json
import threading
import time
from typing import TYPE_CHECKING

import pytest

from mlops.cli import run
from tests.conftest import ACCOUNT
from tests.newcomer import BELL, PEOPLE, PROD, STAGING, STORE, Newcomer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.newcomer import Place

DONE = "CREATE_COMPLETE"


def sign_in(monkeypatch: pytest.MonkeyPatch, keys: dict[str, str]) -> None:
    """Be somebody from now on."""
    for name, value in keys.items():
        monkeypatch.setenv(name, value)


def test_an_empty_account_gets_everything_and_a_second_run_finds_it(
    settle: Callable[..., Newcomer], capsys: pytest.CaptureFixture[str]
) -> None:
    new = settle(store=STORE, people=PEOPLE)
    assert run(["bootstrap", "--yes"]) == 0
    stacks = new.stacks()
    assert stacks == {
        f"{new.name}-{each}": DONE for each in ("store", "people-training", "people-staging", "people-prod")
    }
    capsys.readouterr()
    assert run(["bootstrap", "--yes"]) == 0
    said = capsys.readouterr().out
    assert f"as they should be: {new.name}-store, {new.name}-people-training" in said
    assert "CREATE" not in said


def test_a_dry_run_shows_everything_and_makes_nothing(
    settle: Callable[..., Newcomer], capsys: pytest.CaptureFixture[str]
) -> None:
    new = settle(store=STORE)
    assert run(["bootstrap", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert f"create {new.name}-store: Things must lie somewhere" in said
    assert "+ Bucket (AWS::S3::Bucket): outlives the stack" in said
    assert new.inventory() == '{"buckets": []}'


def test_a_changed_template_is_shown_as_cloudformation_sees_it_then_applied(
    settle: Callable[..., Newcomer], capsys: pytest.CaptureFixture[str]
) -> None:
    new = settle(store=STORE)
    run(["bootstrap", "--yes"])
    new.edit("store", "${Color}", "${Color}-things")
    assert run(["bootstrap", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert f"update {new.name}-store" in said
    assert "~ Topic (AWS::SNS::Topic, made anew)" in said
    assert '"planned": 0' in new.inventory(), "a dry run leaves no change set"
    run(["bootstrap", "--yes"])
    assert f"{new.name}-red-things" in json.dumps(new.place.client("sns").list_topics())


def test_a_set_value_is_kept_by_later_runs(
    settle: Callable[..., Newcomer], capsys: pytest.CaptureFixture[str]
) -> None:
    new = settle(store=STORE)
    assert run(["bootstrap", "--yes", "--set", "Color=green"]) == 0
    assert run(["bootstrap", "--yes"]) == 0
    assert f"{new.name}-green" in json.dumps(new.place.client("sns").list_topics())
    assert run(["bootstrap", "--dry-run", "--json"]) == 0
    told = capsys.readouterr().out
    plan = json.loads(told[told.rindex("\n{") :])
    assert plan["stacks"][0]["parameters"]["Color"] == "green"
    assert plan["stacks"][0]["act"] == "keep"


def test_an_optional_template_is_kept_up_to_date_once_it_is_there(settle: Callable[..., Newcomer]) -> None:
    new = settle(store=STORE, bell=BELL)
    run(["bootstrap", "--yes"])
    assert list(new.stacks()) == [f"{new.name}-store"]
    run(["bootstrap", "--yes", "--with", "bell"])
    new.edit("bell", "-bell", "-gong")
    run(["bootstrap", "--yes"])
    assert new.stacks()[f"{new.name}-bell-training"] == "UPDATE_COMPLETE"


def test_three_accounts_are_done_one_after_the_other_training_first(
    settle: Callable[..., Newcomer], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    new = settle(STAGING, PROD, store=STORE, people=PEOPLE)
    sign_in(monkeypatch, new.make_administrator(STAGING, but="s3:DeleteBucket"))
    assert run(["bootstrap", "--yes"]) == 1
    assert f"has no bucket {new.name}-data-{ACCOUNT}-eu-west-1 yet" in capsys.readouterr().err
    for account, duty in ((ACCOUNT, "training"), (STAGING, "staging"), (PROD, "prod")):
        sign_in(monkeypatch, new.make_administrator(account))
        assert run(["bootstrap", "--yes"]) == 0
        assert new.stacks(account)[f"{new.name}-people-{duty}"] == DONE
    assert list(new.stacks(PROD)) == [f"{new.name}-people-prod"]


def test_the_wrong_account_is_refused_by_number(
    settle: Callable[..., Newcomer], capsys: pytest.CaptureFixture[str]
) -> None:
    settle(STAGING, PROD, store=STORE)
    assert run(["bootstrap", "prod", "--yes"]) == 1
    said = capsys.readouterr().err
    assert f"signed in to account {ACCOUNT}" in said
    assert f"project.yml says prod: {PROD}. Switch: export AWS_PROFILE=" in said


# half made


def test_a_failed_creation_says_why_and_the_next_run_carries_on(
    settle: Callable[..., Newcomer], capsys: pytest.CaptureFixture[str]
) -> None:
    new = settle(store=STORE, people=PEOPLE)
    new.place.plant(fail="Topic")
    assert run(["bootstrap", "--yes"]) == 1
    said = capsys.readouterr().err
    assert f"{new.name}-store: Topic (AWS::SNS::Topic): " in said
    assert "Internal Failure" in said
    assert f"Not begun: {new.name}-people-training" in said
    assert new.stacks() == {f"{new.name}-store": "ROLLBACK_COMPLETE"}
    assert run(["bootstrap", "--yes"]) == 0
    assert f"delete and create {new.name}-store" in capsys.readouterr().out
    assert new.stacks()[f"{new.name}-store"] == DONE


def test_a_failed_update_is_back_as_it_was_and_made_by_the_next_run(
    settle: Callable[..., Newcomer], capsys: pytest.CaptureFixture[str]
) -> None:
    new = settle(store=STORE)
    run(["bootstrap", "--yes"])
    new.edit("store", "${Color}", "${Color}-things")
    new.place.plant(fail="Topic")
    assert run(["bootstrap", "--yes"]) == 1
    assert "It is back as it was" in capsys.readouterr().err
    assert run(["bootstrap", "--yes"]) == 0
    assert new.stacks() == {f"{new.name}-store": "UPDATE_COMPLETE"}


def test_a_rollback_that_failed_is_continued(
    settle: Callable[..., Newcomer], capsys: pytest.CaptureFixture[str]
) -> None:
    new = settle(store=STORE)
    run(["bootstrap", "--yes"])
    new.edit("store", "TopicName: !Sub", "DisplayName: x, TopicName: !Sub")
    new.place.plant(fail="Topic", times=2)
    assert run(["bootstrap", "--yes"]) == 1
    assert new.stacks() == {f"{new.name}-store": "UPDATE_ROLLBACK_FAILED"}
    assert run(["bootstrap", "--yes"]) == 0
    assert f"repair and update {new.name}-store" in capsys.readouterr().out
    assert new.stacks() == {f"{new.name}-store": "UPDATE_COMPLETE"}


def test_what_somebody_is_working_on_is_waited_for(settle: Callable[..., Newcomer]) -> None:
    new = settle(store=STORE)
    new.place.plant(hold="Topic")
    first = threading.Thread(target=run, args=(["bootstrap", "--yes"],))
    first.start()
    while new.stacks() != {f"{new.name}-store": "CREATE_IN_PROGRESS"}:
        time.sleep(0.02)
    threading.Timer(0.3, new.place.plant, kwargs={"release": True}).start()
    assert run(["bootstrap", "--yes"]) == 0
    first.join()
    assert new.stacks() == {f"{new.name}-store": DONE}


def test_throttling_is_waited_out(settle: Callable[..., Newcomer], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    new = settle(store=STORE)
    new.place.plant(throttle=5)
    assert run(["bootstrap", "--yes"]) == 0
    assert new.stacks() == {f"{new.name}-store": DONE}


# somebody else's


def test_a_bucket_name_that_another_account_has_is_refused_before_anything_is_made(
    settle: Callable[..., Newcomer], capsys: pytest.CaptureFixture[str]
) -> None:
    new = settle(store=STORE)
    bucket = f"{new.name}-data-{ACCOUNT}-eu-west-1"
    where = {"LocationConstraint": "eu-west-1"}
    new.place.client("s3", PROD).create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
    assert run(["bootstrap", "--yes"]) == 1
    said = capsys.readouterr().err
    assert f"another account has {bucket}" in said
    assert f"Change `project: {new.name}` in project.yml" in said
    assert new.stacks() == {}


def test_a_permission_missing_in_the_middle_is_named_and_an_administrator_carries_on(
    settle: Callable[..., Newcomer], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    new = settle(store=STORE)
    sign_in(monkeypatch, new.make_administrator(but="sns:CreateTopic"))
    assert run(["bootstrap", "--yes"]) == 1
    assert "may not do that (sns:CreateTopic): have it granted" in capsys.readouterr().err
    sign_in(monkeypatch, new.make_administrator())
    assert run(["bootstrap", "--yes"]) == 0
    assert new.stacks() == {f"{new.name}-store": DONE}


def test_a_bucket_that_an_earlier_stack_left_is_taken_over_with_what_is_in_it(
    settle: Callable[..., Newcomer], capsys: pytest.CaptureFixture[str]
) -> None:
    new = settle(store=STORE)
    run(["bootstrap", "--yes"])
    bucket, s3 = f"{new.name}-data-{ACCOUNT}-eu-west-1", new.place.client("s3")
    s3.put_object(Bucket=bucket, Key="kept", Body=b"kept")
    before = new.inventory()
    new.delete("store")
    assert run(["bootstrap", "--yes"]) == 0
    assert f"> Bucket: takes over {bucket}, which an earlier stack left" in capsys.readouterr().out
    assert s3.get_object(Bucket=bucket, Key="kept")["Body"].read() == b"kept"
    assert new.inventory() == before.replace("CREATE_COMPLETE", "UPDATE_COMPLETE")


VAULT = """\
Metadata: {AppliedTo: training, Order: 10, Because: Things must lie somewhere}
Parameters:
  Project: {Type: String}
Resources:
  Key: {Type: AWS::KMS::Key, DeletionPolicy: Retain, UpdateReplacePolicy: Retain}
  Alias:
    Type: AWS::KMS::Alias
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties: {AliasName: !Sub "alias/${Project}-vault", TargetKeyId: !Ref Key}
  Images:
    Type: AWS::ECR::Repository
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties: {RepositoryName: !Sub "${Project}-images"}
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: !Sub "${Project}", KmsMasterKeyId: !GetAtt Key.Arn}}
"""


def test_a_key_and_images_that_an_earlier_stack_left_are_taken_over(settle: Callable[..., Newcomer]) -> None:
    new = settle(vault=VAULT)
    assert run(["bootstrap", "--yes"]) == 0
    before, kms = new.inventory(), new.place.client("kms")
    secret = kms.encrypt(KeyId=f"alias/{new.name}-vault", Plaintext=b"kept")["CiphertextBlob"]
    new.delete("vault")
    assert run(["bootstrap", "--yes"]) == 0
    assert new.inventory() == before.replace("CREATE_COMPLETE", "UPDATE_COMPLETE")
    key = kms.describe_key(KeyId=f"alias/{new.name}-vault")["KeyMetadata"]["KeyId"]
    assert kms.decrypt(KeyId=key, CiphertextBlob=secret)["Plaintext"] == b"kept"


def test_a_key_that_is_about_to_go_is_not_taken_over_unsaid(
    settle: Callable[..., Newcomer], capsys: pytest.CaptureFixture[str]
) -> None:
    new = settle(vault=VAULT)
    assert run(["bootstrap", "--yes"]) == 0
    kms = new.place.client("kms")
    key = kms.describe_key(KeyId=f"alias/{new.name}-vault")["KeyMetadata"]["KeyId"]
    new.delete("vault")
    kms.schedule_key_deletion(KeyId=key)
    assert run(["bootstrap", "--yes"]) == 1
    assert f"aws kms cancel-key-deletion --key-id {key}" in capsys.readouterr().err
    assert not new.stacks()


def test_whoever_may_not_change_settings_gets_the_commands(
    settle: Callable[..., Newcomer],
    place: Place,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    new = settle(store=STORE)
    monkeypatch.setenv("GITHUB_TOKEN", place.tokens["eve"])
    path = new.root / ".github/rulesets/main.json"
    path.write_text(path.read_text().replace('"name": "main"', f'"name": "{new.name}"'))
    assert run(["bootstrap", "--yes"]) == 1
    said = capsys.readouterr().out
    assert "gh api -X POST repos/acme/models/rulesets --input -" in said
    assert new.stacks() == {f"{new.name}-store": DONE}, "AWS does not wait for the forge"


@pytest.mark.parametrize("answer", ["n\n", ""], ids=["no", "end of input"])
def test_whoever_does_not_agree_changes_nothing(
    settle: Callable[..., Newcomer], monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    new = settle(store=STORE)
    run(["bootstrap", "--yes"])
    before = new.inventory()
    new.edit("store", "${Color}", "${Color}-things")
    monkeypatch.setattr("mlops.bootstrap.refuse_silence", lambda manner: None)
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    assert run(["bootstrap"]) == (0 if answer else 1)
    assert new.inventory() == before


def test_without_anybody_to_ask_nothing_is_done(
    settle: Callable[..., Newcomer], capsys: pytest.CaptureFixture[str]
) -> None:
    settle(store=STORE)
    assert run(["bootstrap"]) == 2
    assert "add --yes to agree beforehand, or --dry-run to look" in capsys.readouterr().err
