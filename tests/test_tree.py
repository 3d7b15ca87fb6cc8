"""The tree as a whole: nothing of one machine in it, locks that agree, documents that say what is there."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.template import PAYLOAD, ROOT, list_files, list_payload

# Written in halves, so that this file does not hold them
HOSTS = ["pypi" + r"\.org", "pythonhosted" + r"\.", "npmjs" + r"\.", "conda" + r"\.anaconda"]
MACHINE_PATHS = ["/ro" + "ot/", "/ho" + r"me/\w", "/Use" + "rs/", "/wo" + "rk/", "/t" + "mp/x/"]
FOREIGN = re.compile("|".join(HOSTS + MACHINE_PATHS))
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*(?:\[[^]]*\])?)==(\S+)", re.MULTILINE)
LOCKS = ["dev", "sandbox", "tool", "train"]


def read_pins(lock: str) -> set[tuple[str, str]]:
    return set(PIN.findall((ROOT / lock).read_text()))


@pytest.mark.parametrize("path", list_files())
def test_no_file_names_a_package_index_or_a_machine(path: str) -> None:
    text = (ROOT / path).read_bytes().decode("utf-8", errors="ignore")
    assert FOREIGN.findall(text) == []


@pytest.mark.parametrize(
    "lock", [f"{PAYLOAD}/requirements/{name}.lock" for name in [*LOCKS, "checkov"]] + ["requirements.lock"]
)
def test_every_pin_of_a_lock_has_hashes(lock: str) -> None:
    text = (ROOT / lock).read_text()
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)
    assert [entry.splitlines()[0] for entry in entries if entry and "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize("name", ["tool", "train", "sandbox"])
def test_a_group_is_locked_to_the_versions_of_the_whole(name: str) -> None:
    whole = read_pins(f"{PAYLOAD}/requirements/dev.lock")
    assert read_pins(f"{PAYLOAD}/requirements/{name}.lock") <= whole


def test_the_lock_holds_every_dependency_that_is_asked_for() -> None:
    asked = tomllib.loads((ROOT / PAYLOAD / "pyproject.toml").read_text())
    groups = asked["dependency-groups"]
    for name in LOCKS:
        locked = {re.sub(r"\[.*", "", pin) for pin, _ in read_pins(f"{PAYLOAD}/requirements/{name}.lock")}
        wanted = [*asked["project"]["dependencies"], *groups.get(name, [])]
        names = {re.split(r"[\[<>=~!; ]", line)[0] for line in wanted if isinstance(line, str)}
        assert names - locked == set(), name


def test_the_templates_lock_holds_the_payloads_versions() -> None:
    assert read_pins(f"{PAYLOAD}/requirements/dev.lock") <= read_pins("requirements.lock")


def test_the_sdk_is_not_installed_where_models_are_deployed() -> None:
    assert "sagemaker" not in {name for name, _ in read_pins(f"{PAYLOAD}/requirements/tool.lock")}


@pytest.mark.parametrize("folder", ["", f"{PAYLOAD}/"])
def test_hooks_install_the_versions_of_the_lock(folder: str) -> None:
    config = yaml.safe_load((ROOT / f"{folder}.pre-commit-config.yaml").read_text())
    assert [repo["repo"] for repo in config["repos"]] == ["local"]
    installed = {
        pin
        for repo in config["repos"]
        for hook in repo["hooks"]
        for pin in hook.get("additional_dependencies", [])
    }
    locked = {f"{name}=={version}" for name, version in read_pins("requirements.lock")}
    assert installed
    assert installed <= locked


@pytest.mark.parametrize("folder", [".", PAYLOAD])
def test_make_help_lists_every_target_that_people_type(folder: str) -> None:
    listed = subprocess.run(
        ["make", "help"], cwd=ROOT / folder, check=True, capture_output=True, text=True
    ).stdout
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / folder / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    for target in set(phony.group(1).split()) - {"lint", "check-payload"}:
        assert f"make {target} " in listed


@pytest.mark.parametrize("folder", [".", PAYLOAD])
def test_a_python_that_the_locks_do_not_serve_is_refused(folder: str, tmp_path: Path) -> None:
    old = tmp_path / "python3.9"
    old.write_text(f'#!/bin/sh\nexec {sys.executable} -c "import sys; sys.version_info = (3, 9, 1); $2"\n')
    old.chmod(0o755)
    command = ["make", "setup", f"PYTHON={old}", f"VENV={tmp_path / 'venv'}"]
    refused = subprocess.run(command, cwd=ROOT / folder, capture_output=True, text=True)
    said = f"{old} is Python 3.9; the locks allow 3.11 to 3.13. Type: make setup PYTHON=python3.12"
    assert said in refused.stderr
    assert refused.returncode != 0
    assert not (tmp_path / "venv").exists()


def test_no_name_is_windows_reserved_except_the_payloads_own() -> None:
    odd = [path for path in list_payload() if re.search(r'[<>:"|?*\\]', path)]
    assert odd == []


@pytest.mark.parametrize("page", [path for path in list_files() if path.endswith(".md")])
def test_every_relative_link_of_the_template_leads_somewhere(page: str) -> None:
    targets = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", (ROOT / page).read_text())
    broken = [
        target
        for target in targets
        if not ((ROOT / page).parent / target.replace("%3C", "<").replace("%3E", ">")).exists()
    ]
    assert broken == []


def test_every_schema_that_a_file_names_is_there() -> None:
    named = {
        (ROOT / path).parent / schema
        for path in list_files(PAYLOAD)
        if path.endswith((".yml", ".yaml")) and "/scaffold/" not in path  # relative to where it is copied
        for schema in re.findall(r"\$schema=(\S+)", (ROOT / path).read_text())
    }
    assert [schema for schema in named if not schema.exists()] == []


def test_an_adr_has_context_decision_and_consequences() -> None:
    records = sorted(Path(path) for path in list_files() if re.search(r"adr/\d{4}-", path))
    assert records
    for record in records:
        text = (ROOT / record).read_text()
        assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]
