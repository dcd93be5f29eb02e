"""The simulator's front: start, stop, faults, what was asked and what there is."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from billing.simulator import intents, refunds, setups
from billing.simulator.api import Api, Request, Response
from billing.simulator.calls import Call
from billing.simulator.errors import missing
from billing.simulator.faults import Fault, Faults
from billing.simulator.parameters import redacted
from billing.simulator.store import Store
from billing.simulator.web import WebServer
from billing.simulator.webhooks import Deliveries, checked_url, is_loopback

_KEPT_REQUESTS = 5000


class Simulator:
    """Stripe for one shop on one machine; the state lives in a file, or in memory without one."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        state: str | None = None,
        webhook_url: str = "",
        webhook_secret: str = "whsec_simulator",  # noqa: S107 -- made up, and good for nothing else
    ) -> None:
        if not is_loopback(host):
            raise ValueError(f"The simulator listens only on loopback, such as 127.0.0.1, not on {host}.")
        self.requests: list[tuple[str, str, dict[str, Any], str]] = []
        self.store = Store(state or None)
        self._stopping = threading.Event()
        self._faults = Faults()
        self._deliveries = Deliveries(self.store, webhook_secret)
        self._api = Api(self.store, self._faults, self._stopping)
        self.webhook_url = webhook_url
        try:
            self._web = WebServer(host, port, self)
        except (OSError, OverflowError):
            self.store.close()
            raise
        self._api.base_url = self.url

    @property
    def url(self) -> str:
        """Where the API and the pages are served, without a closing slash."""
        return self._web.url

    @property
    def webhook_url(self) -> str:
        """Where events are delivered; empty for nowhere."""
        return self._deliveries.url

    @webhook_url.setter
    def webhook_url(self, url: str) -> None:
        self._deliveries.url = checked_url(url)
        self._api.webhooks = bool(url)
        self._deliveries.wake()

    @property
    def retry_seconds(self) -> tuple[float, ...]:
        """How long to wait before each further attempt of a delivery."""
        return self._deliveries.retry_seconds

    @retry_seconds.setter
    def retry_seconds(self, seconds: tuple[float, ...]) -> None:
        self._deliveries.retry_seconds = seconds

    def start(self) -> None:
        """Begin to serve and to deliver."""
        self._deliveries.start()
        self._web.start()

    def stop(self) -> None:
        """Close every connection and the state file."""
        self._stopping.set()
        self._web.stop()
        self._deliveries.stop()
        self.store.close()

    def reset(self) -> None:
        """Forget objects, idempotency keys, deliveries, faults and the log of requests."""
        self._faults.clear()
        self.store.clear()
        self.requests.clear()
        self._deliveries.wake()

    def respond(self, request: Request) -> Response | None:
        """Note an API request and answer it; None closes the connection without an answer."""
        del self.requests[:-_KEPT_REQUESTS]
        self.requests.append((request.method, request.path, redacted(request.params), request.key))
        response = self._api.respond(request)
        self._deliveries.wake()
        return response

    def add_fault(self, path: str, kind: str, method: str = "POST", times: int = 1, seconds: float = 0.0) -> None:
        """Put a fault in force for the next calls whose path matches a pattern such as `/v1/refunds*`."""
        self._faults.add(Fault(path=path, kind=kind, method=method, times=times, seconds=seconds))

    def storm(self, rate: float, kinds: Sequence[str], seed: int = 0) -> None:
        """Let this part of all calls fail by chance until faults are cleared; 0.1 is one in ten."""
        self._faults.storm(rate, kinds, seed)

    def clear_faults(self) -> None:
        """Lift all faults."""
        self._faults.clear()

    def objects(self, kind: str) -> list[dict[str, Any]]:
        """All objects of a kind, such as "charge", oldest first."""
        return self.store.listed(kind)

    def deliver(self, event_id: str) -> None:
        """Deliver an event again, now."""
        if not self.store.find("event", event_id):
            raise missing("event", event_id)
        self.store.queue(event_id)
        self._deliveries.wake()

    def wait_for_deliveries(self, timeout: float = 5) -> bool:
        """Wait until nothing is left to deliver; False when time ran out first."""
        return self._deliveries.wait(timeout)

    def act(self, intent_id: str, succeed: bool) -> dict[str, Any]:
        """Answer 3-D Secure as the shopper would; gives the intent as it is then."""
        kind, module = ("setup_intent", setups) if intent_id.startswith("seti_") else ("payment_intent", intents)
        with self.store.transaction():
            call = self._own_call()
            intent: dict[str, Any] = module.answer(call, call.need(kind, intent_id, "intent"), succeed)
        self._deliveries.wake()
        return intent

    def finish_refunds(self) -> list[dict[str, Any]]:
        """Let the refunds end that Stripe would end some time later; gives them as they are then."""
        with self.store.transaction():
            ended = refunds.finish(self._own_call())
        self._deliveries.wake()
        return ended

    def _own_call(self) -> Call:
        """A call that nobody sent: something happens at Stripe by itself."""
        return Call(self.store, webhooks=bool(self.webhook_url), base_url=self.url)
