"""The interface of the simulator that its web server uses."""

from __future__ import annotations

from typing import Any, Protocol

from stripe_simulator.api import Request, Response
from stripe_simulator.store import Store


class Backend(Protocol):
    """The interface of `stripe_simulator.server.Simulator` for the web server and the pages.

    The web server is part of the simulator, so it cannot import the simulator itself.
    """

    store: Store
    requests: list[tuple[str, str, dict[str, Any], str]]

    def respond(self, request: Request) -> Response | None: ...

    def complete_3d_secure(self, intent_id: str, succeed: bool) -> dict[str, Any]: ...

    def objects(self, kind: str) -> list[dict[str, Any]]: ...

    def add_fault(self, path: str, kind: str, method: str = "POST", times: int = 1, seconds: float = 0.0) -> None: ...

    def clear_faults(self) -> None: ...

    def forget_idempotency_keys(self) -> None: ...

    def finish_refunds(self) -> list[dict[str, Any]]: ...
