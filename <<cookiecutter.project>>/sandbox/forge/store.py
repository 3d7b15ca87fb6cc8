"""What must outlive a restart: JSON documents in one SQLite file. A call's writes happen together or not."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TABLE = "CREATE TABLE IF NOT EXISTS documents (kind TEXT, key TEXT, body TEXT, PRIMARY KEY (kind, key))"
PUT = "INSERT INTO documents VALUES (?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body"
ALL = "SELECT kind, key, body FROM documents ORDER BY rowid"


class Store:
    """Documents by kind and key, held in memory as well; nobody may change one that was handed out."""

    def __init__(self, file: Path) -> None:
        self._lock = threading.RLock()
        self._database = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        # whole after any end of this process; only a power cut may harm it, as it may the git repository
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute(TABLE)
        self._kinds: dict[str, dict[str, Any]] = {}
        self._read()

    def _read(self) -> None:
        kinds: dict[str, dict[str, Any]] = {}
        for kind, key, body in self._database.execute(ALL):
            kinds.setdefault(kind, {})[key] = json.loads(body)
        self._kinds = kinds

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Nobody else writes until the end; an exception undoes all."""
        with self._lock:
            if self._database.in_transaction:
                yield
                return
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                self._read()
                raise
            self._database.execute("COMMIT")

    def get(self, kind: str, key: object) -> Any:
        """A document, or None."""
        return self._kinds.get(kind, {}).get(str(key))

    def all(self, kind: str, prefix: str = "") -> list[Any]:
        """Every document of a kind whose key begins so, oldest first."""
        with self._lock:
            found = self._kinds.get(kind, {})
            return [body for key, body in found.items() if key.startswith(prefix)]

    def put(self, kind: str, key: object, body: Any) -> None:
        with self._lock:
            self._database.execute(PUT, (kind, str(key), json.dumps(body)))
            self._kinds.setdefault(kind, {})[str(key)] = body

    def drop(self, kind: str, key: object) -> None:
        with self._lock:
            self._database.execute("DELETE FROM documents WHERE kind = ? AND key = ?", (kind, str(key)))
            self._kinds.get(kind, {}).pop(str(key), None)

    def next(self, counter: str, start: int = 1) -> int:
        """The next number of a sequence."""
        with self.transaction():
            number = int(self.get("counter", counter) or start - 1) + 1
            self.put("counter", counter, number)
        return number

    def close(self) -> None:
        with self._lock:
            self._database.close()
