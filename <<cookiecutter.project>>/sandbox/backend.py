"""moto's application. Import it only after the account and region are set: moto reads them on import."""

from __future__ import annotations

import functools
from typing import Any

import moto.core.utils
from moto.core.loaders import create_loader
from moto.iam.access_control import PermissionResult
from moto.logs.models import logs_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import FakeBucket


class Moto(DomainDispatcherApplication):
    """moto, remembering which backend serves a host: it would look through its own folders each time."""

    def __init__(self) -> None:
        super().__init__(create_backend_app)
        self._known: dict[str, Any] = {}
        # one loader, which looks through the folders of all services once; moto makes one for each service
        moto.core.utils.create_loader = functools.cache(create_loader)  # type: ignore[attr-defined]
        # decided in front of moto already, which ignores conditions
        FakeBucket.get_permission = lambda bucket, action, resource: PermissionResult.NEUTRAL  # type: ignore[method-assign,assignment]

    def get_backend_for_host(self, host: str | None) -> Any:
        """Name the backend of a host."""
        if host is None:
            return None
        if host not in self._known:
            self._known[host] = super().get_backend_for_host(host)
        return self._known[host]


def has_log_group(account: str, region: str, name: str) -> bool:
    return name in logs_backends[account][region].groups
