"""What moto's Athena lacks: a named query can be taken away. No query runs here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.athena.models import athena_backends

from sandbox.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.world import Call


class Athena:
    """The operations of one account that moto has not."""

    def __init__(self, account: str, region: str) -> None:
        self._account, self._region = account, region
        self.operations: Mapping[str, Callable[[Call], dict[str, Any]]] = {
            "DeleteNamedQuery": self.delete_query,
            "StartQueryExecution": self.refuse_query,
        }

    def delete_query(self, call: Call) -> dict[str, Any]:
        """Forget a query; that there is none is said as Athena says it."""
        number = call.params["NamedQueryId"]
        if athena_backends[self._account][self._region].named_queries.pop(number, None) is None:
            raise ServiceError("InvalidRequestException", f"NamedQuery {number} was not found")
        return {}

    def refuse_query(self, call: Call) -> dict[str, Any]:
        """Refuse to run one: moto would say that it succeeded."""
        raise ServiceError(
            "InvalidRequestException", "the sandbox runs no Athena queries; see docs/sandbox.md"
        )
