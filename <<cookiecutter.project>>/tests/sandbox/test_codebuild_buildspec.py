"""Buildspecs: what is read, and what is refused by name and place."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.codebuild.artifacts import ArtifactError, pack, select
from sandbox.codebuild.buildspec import BuildspecError, Selection, read_buildspec
from sandbox.codebuild.junit import ReportError, read_cases, status_of
from sandbox.codebuild.variables import declare, split_reference

OWN = sorted(Path(__file__).resolve().parents[2].glob("buildspec/*.yml"))
LEAST = "version: 0.2\nphases: {build: {commands: [make test]}}\n"
WRONG = {
    "version: 0.1\nphases: {build: {commands: [a]}}": "b.yml: version is 0.1; the sandbox reads 0.2",
    LEAST + "phase: {}": "unknown key phase; allowed: version, env, phases",
    "version: 0.2\nphases: {build: {comands: [a]}}": "unknown key phases.build.comands; allowed: on-failure,",
    "version: 0.2\nphases: {test: {commands: [a]}}": "unknown key phases.test; allowed: install, pre_build,",
    "version: 0.2\nphases: {build: {finally: [a]}}": "phases.build has no commands",
    "version: 0.2\nphases: {build: {commands: make}}": "phases.build.commands is 'make', not a list of texts",
    "version: 0.2\nphases: {build: {commands: [a], on-failure: STOP}}": "on-failure is 'STOP'; allowed",
    "version: 0.2\nphases: {build: {commands: [a], run-as: ada}}": "does not serve phases.build.run-as:",
    LEAST + "batch: {fast-fail: true}": "does not serve batch: batch builds are not served",
    LEAST + "env: {git-credential-helper: 1}": "env.git-credential-helper is 1; allowed: yes, no",
    LEAST + "env: {variables: [A]}": "env.variables is ['A'], not a mapping",
    LEAST + "reports: {t: {files: [a], file-format: NUNITXML}}": "reports.t.file-format is 'NUNITXML'",
    LEAST + "artifacts: {files: []}": "artifacts.files names nothing",
    "version: 0.2": "phases has no phase",
    "- a": "the buildspec is ['a'], not a mapping",
    "a: [": "b.yml: not YAML: while parsing",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(BuildspecError) as refused:
        read_buildspec(text, "b.yml")
    assert WRONG[text] in str(refused.value)


def test_the_projects_own_buildspecs_can_be_run() -> None:
    for path in OWN:  # none where the CI is GitHub Actions
        spec = read_buildspec(path.read_text(), path.name)
        assert spec.runtimes == {"python": "3.12"}, path.name
        assert spec.cached, f"{path.name} caches nothing"


def test_a_variable_of_the_project_takes_the_place_of_the_buildspecs() -> None:
    spec = read_buildspec(LEAST + "env: {variables: {A: a, B: b}, parameter-store: {C: /c}}", "b.yml")
    given = [{"name": "A", "value": "/a", "type": "PARAMETER_STORE"}, {"name": "C", "value": "c"}]
    found = declare(spec, given)
    assert (found.plain, found.parameters) == ({"B": "b", "C": "c"}, {"A": "/a"})


def test_a_secret_is_named_by_arn_or_name_with_key_stage_and_version() -> None:
    arn = "arn:aws:secretsmanager:eu-west-1:222222222222:secret:forge-AbCdEf"
    assert split_reference(f"{arn}:token:AWSCURRENT") == (arn, "token", "AWSCURRENT", "")
    assert split_reference("forge") == ("forge", "", "", "")


def test_artifacts_are_the_files_of_a_pattern_but_those_excluded(tmp_path: Path) -> None:
    for name in ("a/b.txt", "a/c.log", "d.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    found = select(Selection(("**/*",), exclude=("*.log",)), tmp_path)
    assert [file.name for file in found] == ["a/b.txt", "d.txt"]
    assert pack(found) == pack(found)
    with pytest.raises(ArtifactError, match="no matching artifact paths found: x"):
        select(Selection(("x",)), tmp_path)
    with pytest.raises(ArtifactError, match="is not below the base directory"):
        select(Selection(("../*",)), tmp_path)


JUNIT = b"""<testsuites><testsuite name="pytest">
<testcase classname="tests.test_a" name="one" time="0.5"/>
<testcase classname="tests.test_a" name="two" time="x"><failure message="no"/></testcase>
<testcase classname="tests.test_a" name="three"><skipped/></testcase>
</testsuite></testsuites>"""


def test_a_report_says_each_test_and_fails_with_one_of_them() -> None:
    cases = read_cases(JUNIT, "r.xml")
    assert [(case.name, case.status) for case in cases] == [
        ("one", "SUCCEEDED"),
        ("two", "FAILED"),
        ("three", "SKIPPED"),
    ]
    assert cases[0].nanoseconds == 500_000_000
    assert status_of(cases) == "FAILED"
    with pytest.raises(ReportError, match="no JUnit report: it begins with <html>"):
        read_cases(b"<html/>", "r.xml")
