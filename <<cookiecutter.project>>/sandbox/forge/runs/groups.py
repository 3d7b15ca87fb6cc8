"""Concurrency groups: one holder at a time, one that waits; a newer one takes the waiting place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Holder(Protocol):
    """A run or a job that wants a group to itself."""


class Groups:
    """Who holds which group; `cancel` is told whom to end."""

    def __init__(self, cancel: Callable[[Holder], None]) -> None:
        self._cancel = cancel
        self._held: dict[str, Holder] = {}
        self._waiting: dict[str, Holder] = {}

    def ask(self, name: str, who: Holder, cancel_running: bool) -> bool:
        """Whether `who` may start now; asked again and again while it waits."""
        key = name.lower()
        holder = self._held.setdefault(key, who)
        if holder is who:
            return True
        older = self._waiting.get(key)
        if older is who:
            return False
        self._waiting[key] = who
        if older is not None:
            self._cancel(older)
        if cancel_running:
            self._cancel(holder)
        return False

    def release(self, who: Holder) -> None:
        """Let the one that waits have what `who` held."""
        for key in [key for key, found in self._waiting.items() if found is who]:
            del self._waiting[key]
        for key in [key for key, found in self._held.items() if found is who]:
            del self._held[key]
            if key in self._waiting:
                self._held[key] = self._waiting.pop(key)
