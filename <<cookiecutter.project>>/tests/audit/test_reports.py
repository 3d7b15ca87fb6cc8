"""One report in five forms: each says every finding, and none lets a name from outside break it."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import jsonschema
import pytest

from mlops.audit.document import AuditReport
from sandbox.trails import callers, story

if TYPE_CHECKING:
    from pathlib import Path

    from tests.audit.world import World

HOSTILE = "<script>alert(1)</script>|`@acme/ml`"


@pytest.fixture
def found(world: World) -> World:
    """A world with a proved promotion and a stranger of a hostile name."""
    pinned = world.promote("staging", "a", 1, first=True)
    who = callers.role_session(world.site.staging, "Admin", HOSTILE, "ASIAHOSTILE")
    world.writer.add(
        story.move(world.site, pinned, who, world.at(5), config="acme-guess-staging-0123456789ab")
    )
    world.settle()
    return world


def test_json_is_what_its_schema_says(found: World) -> None:
    report = found.run("--format", "json").report
    schema = AuditReport.model_json_schema(by_alias=True)
    jsonschema.validate(report, schema)
    assert report["findings"][0]["events"][0]["digest"].endswith("_20261120T060000Z.json.gz")


def test_the_table_says_finding_event_and_outcome(found: World) -> None:
    answer = found.run()
    assert answer.code == 1
    assert "out-of-band  staging/guess  2026-11-20T05:00:00Z  [stranger]" in answer.text
    assert re.search(r"event [0-9a-f-]{36} UpdateEndpoint in AWSLogs/222222222222/", answer.text)
    assert answer.text.splitlines()[-1].startswith("1 findings: 1 out-of-band, 3 proved;")


def test_sarif_has_rule_place_and_a_lasting_fingerprint(found: World) -> None:
    (run,) = json.loads(found.run("--format", "sarif").text)["runs"]
    (result,) = run["results"]
    assert (result["ruleId"], result["level"]) == ("stranger", "error")
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "stranger"
    place = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert place == "releases/staging/guess.yml"
    again = json.loads(found.run("--format", "sarif").text)["runs"][0]["results"][0]
    assert again["partialFingerprints"] == result["partialFingerprints"]


def test_sarif_tells_what_was_not_proved(found: World) -> None:
    (found.folder / "keys.json").write_text("{}")
    (run,) = json.loads(found.run("--format", "sarif").text)["runs"]
    assert run["invocations"][0]["exitCode"] == 2
    assert run["invocations"][0]["toolExecutionNotifications"][0]["descriptor"] == {"id": "digest"}


def test_markdown_puts_findings_first_and_names_nobody(found: World) -> None:
    text = found.run("--format", "markdown").text
    assert text.index("## out-of-band: staging/guess") < text.index("## Changes")
    assert "<script" not in text
    assert "@acme" not in text


class Page(HTMLParser):
    """The tags of a page and what they load."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [value or "" for name, value in attrs if name in {"src", "srcset"}]


def test_the_page_stands_alone_and_runs_nothing(found: World) -> None:
    text = found.run("--format", "html").text
    page = Page()
    page.feed(text)
    assert "script" not in page.tags
    assert "link" not in page.tags
    assert page.loads == []
    assert page.tags.count("circle") == 4
    assert text.index("<h2>Findings</h2>") < text.index("<h2>Endpoints</h2>")


def test_a_report_goes_to_a_file_and_its_summary_to_the_terminal(found: World, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    answer = found.run("--format", "html", "--output", str(path))
    assert answer.text.startswith("1 findings: ")
    assert path.read_text().startswith("<!doctype html>")


def test_files_besides_are_in_the_form_that_they_are_named_for(found: World, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.html", "a.json", "a.md")]
    answer = found.run("--format", "table", *(word for path in paths for word in ("--report", str(path))))
    assert "1 findings" in answer.text
    for path, form in zip(paths, ("html", "json", "markdown"), strict=True):
        assert path.read_text() == found.run("--format", form).text


def test_a_file_besides_whose_form_nobody_knows_is_refused_before_anything_is_read(found: World) -> None:
    answer = found.run("--trail", "nowhere", "--report", "audit.pdf")
    assert (answer.code, "'audit.pdf' ends in no known form; allowed: .html" in answer.text) == (2, True)


@pytest.mark.parametrize("form", ["table", "json", "sarif", "markdown", "html"])
def test_the_same_input_gives_the_same_bytes(found: World, form: str) -> None:
    assert found.run("--format", form) == found.run("--format", form)
