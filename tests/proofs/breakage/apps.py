"""Configuration of the app. It acts at the first request of a process, when everything is loaded."""

import os
import sys
from typing import Any

from django.apps import AppConfig
from django.core.signals import request_started

VERSIONS = "core.page_cache.versions"


class BreakageConfig(AppConfig):
    """The app that breaks the shop."""

    name = "tests.proofs.breakage"

    def ready(self) -> None:
        """Wait for the first request."""
        request_started.connect(self._break, dispatch_uid="breakage")

    def _break(self, **_arguments: Any) -> None:
        request_started.disconnect(dispatch_uid="breakage")
        if os.environ.get("BREAK_VERSIONS") == "on":
            ignore_versions()
        if point := os.environ.get("DIE_AT", ""):
            from tests.proofs.fail_points import FailPoint

            when, _space, statement = point.partition(" ")
            FailPoint(when, "commit", statement).arm()


def ignore_versions() -> None:
    """Let every version stay the same, in all modules that read versions."""
    original = sys.modules[VERSIONS].read_versions

    def read_versions(names: Any) -> dict[str, int]:
        return dict.fromkeys(names, 1)

    for module in list(sys.modules.values()):
        for name, value in list(vars(module).items()):
            if value is original:
                setattr(module, name, read_versions)
