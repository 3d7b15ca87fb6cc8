"""The pre-receive hook: refuses what the forge's policy says, by the pushed objects where it takes them.

A program of its own: git runs it with the new objects in quarantine, where only its children see them.
FORGE_POLICY holds each ref's texts of refusal: at once, when commits are lost, when workflows change.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

ZERO = "0" * 40
WORKFLOWS = ".github/workflows"


def main() -> int:
    """Judge every line; a single refusal refuses the push."""
    policy = json.loads(os.environ["FORGE_POLICY"])
    lines = [line.split() for line in sys.stdin]
    texts = [text for old, new, ref in lines if (text := judge(policy[ref], old, new))]
    for text in texts:
        print(text, file=sys.stderr)  # noqa: T201
    return 1 if texts else 0


def judge(policy: dict[str, str], old: str, new: str) -> str:
    """Why a ref must not move, or nothing."""
    if policy["refused"]:
        return policy["refused"]
    if policy["forced"] and ZERO not in (old, new) and _loses_commits(old, new):
        return policy["forced"]
    if policy["workflows"] and new != ZERO and _touches_workflows(new):
        return policy["workflows"]
    return ""


def _loses_commits(old: str, new: str) -> bool:
    return subprocess.run(["git", "merge-base", "--is-ancestor", old, new], check=False).returncode != 0


def _touches_workflows(new: str) -> bool:
    command = ["git", "log", "--format=", "--name-only", new, "--not", "--all", "--", WORKFLOWS]
    return bool(subprocess.run(command, check=True, capture_output=True).stdout.strip())


if __name__ == "__main__":
    sys.exit(main())
