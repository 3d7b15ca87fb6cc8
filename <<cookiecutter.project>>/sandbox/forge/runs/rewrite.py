"""The file that act is handed: one job, with what act cannot know written in as values.

act runs the steps; which jobs run, with which needs, inputs, matrix and token, is decided before. So those
contexts stand in the copy as literals, and what GitHub knows of a run beyond act replaces `github.<name>`.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sandbox.forge.runs.errors import WorkflowError
from sandbox.forge.runs.expressions import Lexeme, Scope, end_of, lex, parse
from sandbox.forge.runs.values import as_text

LABEL = "sandbox"  # every runs-on: there is one kind of machine
OUTPUTS_STEP = "_sandbox_outputs"
REMOTE = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)(?P<path>(?:/[\w.-]+)*)@(?P<ref>[\w./-]+)")
STEP = Path(__file__).with_name("step.sh")
# docs.github.com, "Workflow syntax", steps[*].shell
SHELLS = {
    "": "bash -e {0}",
    "bash": "bash --noprofile --norc -eo pipefail {0}",
    "sh": "sh -e {0}",
    "python": "python {0}",
}
BRACES = str.maketrans("{}'", "\ue000\ue001\ue002")
ESCAPED = {"\\ue000": "\\u007b", "\\ue001": "\\u007d", "\\ue002": "\\u0027"}


@dataclass(frozen=True)
class Literals:
    """Contexts by name that are replaced whole, and the members of `github` that are replaced one by one."""

    contexts: dict[str, Any]
    github: dict[str, str]


def literal(value: Any) -> str:
    """A value as an expression; act's own reading of braces and quotes within texts is not relied on."""
    text = json.dumps(_without_braces(value), separators=(",", ":"))
    for found, escaped in ESCAPED.items():
        text = text.replace(found, escaped)
    while "}}" in text:
        text = text.replace("}}", "} }")
    return f"fromJSON('{text}')"


def _without_braces(value: Any) -> Any:
    if isinstance(value, dict):
        return {_without_braces(str(key)): _without_braces(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_braces(item) for item in value]
    if isinstance(value, str):
        return value.translate(BRACES)
    return value


def rewrite_expression(text: str, known: Literals) -> str:
    """An expression without braces, contexts that act lacks replaced."""
    lexemes = list(lex(text))
    written, place = "", 0
    for number, found in enumerate(lexemes):
        before = lexemes[number - 1].text if number else ""
        if found.kind != "name" or before == "." or lexemes[number + 1].text == "(":
            continue
        name = found.text.lower()
        end = found.end
        if name in known.contexts:
            end = end_of_path(lexemes, number)
            said = literal(parse(text[found.start : end]).evaluate(Scope(known.contexts, {})))
        elif name == "github" and lexemes[number + 1].text == ".":
            member = lexemes[number + 2]
            if member.text not in known.github:
                continue
            said, end = literal(known.github[member.text]), member.end
        else:
            continue
        written += text[place : found.start] + said
        place = end
    return written + text[place:]


def end_of_path(lexemes: list[Lexeme], number: int) -> int:
    """Where `name.member.*` ends that begins at a lexeme: act takes no `.*` of a literal."""
    while lexemes[number + 1].text == ".":
        number += 2
    return lexemes[number].end


def rewrite_text(text: str, known: Literals) -> str:
    """A text with `${{ }}` in it."""
    written, place = "", 0
    while (opened := text.find("${{", place)) >= 0:
        closed = end_of(text, opened + 3)
        written += text[place : opened + 3] + rewrite_expression(text[opened + 3 : closed], known) + "}}"
        place = closed + 2
    return written + text[place:]


def rewrite_tree(value: Any, known: Literals) -> Any:
    if isinstance(value, dict):
        return {key: _rewrite_member(key, item, known) for key, item in value.items()}
    if isinstance(value, list):
        return [rewrite_tree(item, known) for item in value]
    return rewrite_text(value, known) if isinstance(value, str) else value


def _rewrite_member(key: str, value: Any, known: Literals) -> Any:
    if key == "if" and isinstance(value, str) and "${{" not in value:
        return rewrite_expression(value, known)
    return rewrite_tree(value, known)


def one_job(
    event: str, workflow: dict[str, Any], name: str, job: dict[str, Any], known: Literals, outputs: Path
) -> dict[str, Any]:
    """The workflow that act runs: this job alone; its outputs are written to a file at the end."""
    shell = _default_shell(job) or _default_shell(workflow)
    steps = [{"id": step_id(place), **_step(step, shell)} for place, step in enumerate(job["steps"])]
    body = {
        **_shared(job, known),
        "name": name,
        "runs-on": LABEL,
        "steps": rewrite_tree([*steps, *_outputs_step(job.get("outputs") or {}, outputs)], known),
    }
    title = as_text(known.github["workflow"])
    return {"name": title, "on": event, **_shared(workflow, known), "jobs": {name: body}}


def _default_shell(written: dict[str, Any]) -> str:
    return str(written.get("defaults", {}).get("run", {}).get("shell", ""))


def _step(step: dict[str, Any], shell: str) -> dict[str, Any]:
    """A step whose shell has no terminal."""
    if "run" not in step:
        return step
    wanted = str(step.get("shell", shell))
    return {**step, "shell": f"bash --noprofile --norc {shlex.quote(str(STEP))} {SHELLS.get(wanted, wanted)}"}


def _shared(written: dict[str, Any], known: Literals) -> dict[str, Any]:
    """What a workflow and a job both may set for their steps."""
    return {key: rewrite_tree(written[key], known) for key in ("env", "defaults") if key in written}


def step_id(place: int) -> str:
    """The id of a step that has none of its own."""
    return f"_sandbox_{place}"


def _outputs_step(outputs: dict[str, Any], file: Path) -> list[dict[str, Any]]:
    """Names and values, each ended by a NUL: a value may have lines."""
    if not outputs:
        return []
    names = dict(enumerate(outputs))
    said = "".join(f""" '{name}' "$SANDBOX_OUTPUT_{number}" """ for number, name in names.items())
    step = {
        "id": OUTPUTS_STEP,
        "name": "Outputs",
        "if": "always()",
        "shell": "bash",
        "working-directory": str(file.parent),
        "env": {f"SANDBOX_OUTPUT_{number}": as_text(outputs[name]) for number, name in names.items()},
        "run": f"printf '%s\\0' {said} > '{file}'",
    }
    return [step]


def read_outputs(file: Path) -> dict[str, str]:
    """What the last step wrote."""
    if not file.exists():
        return {}
    said = file.read_bytes().decode("utf-8", "replace").split("\0")[:-1]
    return dict(zip(said[::2], said[1::2], strict=True))


def list_actions(steps: list[dict[str, Any]], folder: Path) -> dict[str, Path]:
    """The stand-in of every action that steps use, by `owner/name@ref`; what has none is refused by name."""
    found: dict[str, Path] = {}
    for step in [step for step in steps if "uses" in step]:
        used = str(step["uses"])
        if used.startswith("./"):
            continue
        named = REMOTE.fullmatch(used)
        if named is None:
            raise WorkflowError(f"step uses {used!r}. The sandbox runs owner/name@ref and ./path")
        place = folder / f"{named['repository'].replace('/', '--').lower()}"
        if not (place / named["path"].strip("/") / "action.yml").is_file():
            known = ", ".join(sorted(path.name.replace("--", "/") for path in folder.iterdir()))
            raise WorkflowError(
                f"step uses {used!r}, which has no stand-in in sandbox/forge/actions. There are: {known}"
            )
        require_inputs(used, step.get("with") or {}, place / named["path"].strip("/") / "action.yml")
        found[f"{named['repository']}@{named['ref']}"] = place
    return found


def require_inputs(used: str, given: dict[str, Any], file: Path) -> None:
    """Refuse an input that a stand-in would not heed."""
    known = yaml.safe_load(file.read_text(encoding="utf-8")).get("inputs") or {}
    strange = sorted(set(given) - set(known))
    if strange:
        raise WorkflowError(
            f"step uses {used!r} with {', '.join(strange)}, which its stand-in does not know. It knows: "
            f"{', '.join(sorted(known))}"
        )
