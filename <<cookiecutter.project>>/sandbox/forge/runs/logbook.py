"""Reads what act says of a job: its log as GitHub shows it, its steps, its summary."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.forge.runs.rewrite import OUTPUTS_STEP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from io import TextIOBase

NOT_EVALUATED = "Unable to interpolate expression"
OWN = "LocalRepositoryCache"


@dataclass
class Logbook:
    """One job's log while act writes it; `now` is the sandbox's time."""

    log: TextIOBase
    titles: dict[str, str]  # of steps, by id
    hidden: tuple[str, ...]
    now: Callable[[], str]
    steps: list[dict[str, Any]] = field(default_factory=list)
    summary: str = ""
    faults: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)  # what act says of itself: a file it cannot read

    def read(self, lines: Iterable[bytes]) -> None:
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:
                self.strays.append(line.decode("utf-8", "replace"))
                self.say(self.strays[-1])
                continue
            self._take(entry)

    def say(self, text: str) -> None:
        """One line of the log, what must not be shown hidden."""
        for secret in self.hidden:
            text = text.replace(secret, "***")
        for line in text.rstrip("\n").replace("\r", "").split("\n"):
            self.log.write(f"{self.now()} {line}\n")
        self.log.flush()

    def _take(self, entry: dict[str, Any]) -> None:
        said = str(entry.get("msg", ""))
        place = (entry.get("stepID") or [""])[0]
        if place == OUTPUTS_STEP or said.startswith(OWN) or ("docker" in said and not place):
            return
        if entry.get("command") == "summary":
            self.summary += str(entry.get("content", ""))
        elif entry.get("raw_output"):
            self.say(said)
        elif entry.get("level") == "error":
            if said.startswith(NOT_EVALUATED):
                self.faults.append(said)
            self.say(f"##[error]{said}")
        elif place in self.titles and entry.get("stage") == "Main" and len(entry["stepID"]) == 1:
            self._follow(place, said, entry)

    def _follow(self, place: str, said: str, entry: dict[str, Any]) -> None:
        if "stepResult" in entry:
            self._end(place, str(entry["stepResult"]))
        elif "⭐ Run" in said:
            self.steps.append(
                {
                    "name": self.titles[place],
                    "status": "in_progress",
                    "conclusion": None,
                    "number": len(self.steps) + 1,
                    "started_at": self.now(),
                    "completed_at": None,
                    "id": place,
                }
            )
            self.say(f"##[group]{self.titles[place]}")

    def _end(self, place: str, result: str) -> None:
        for step in self.steps:
            if step["id"] == place and step["status"] != "completed":
                step |= {"status": "completed", "conclusion": result, "completed_at": self.now()}
                self.say("##[endgroup]")

    @property
    def has_begun(self) -> bool:
        """Whether any step has run."""
        return any(step["conclusion"] != "skipped" for step in self.steps)

    def close(self, conclusion: str) -> None:
        """Steps that never ended take the job's conclusion; those that never started were skipped."""
        seen = {step["id"] for step in self.steps}
        for step in self.steps:
            if step["status"] != "completed":
                self._end(step["id"], conclusion)
        for place, title in self.titles.items():
            if place not in seen:
                self.steps.append(
                    {
                        "name": title,
                        "status": "completed",
                        "conclusion": "skipped",
                        "number": len(self.steps) + 1,
                        "started_at": self.now(),
                        "completed_at": self.now(),
                        "id": place,
                    }
                )
