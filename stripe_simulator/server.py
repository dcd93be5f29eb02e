"""The `Simulator` class, which starts and stops the server and controls faults, objects and deliveries."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from stripe_simulator.api import Api, Request, Response
from stripe_simulator.errors import missing
from stripe_simulator.faults import Fault, Faults
from stripe_simulator.parameters import redacted
from stripe_simulator.resources import disputes, payment_intents, refunds, setup_intents
from stripe_simulator.resources.calls import Call
from stripe_simulator.store import Store
from stripe_simulator.web import WebServer
from stripe_simulator.webhooks import WebhookDeliveries, is_loopback, validate_url

_KEPT_REQUESTS = 5000


class Simulator:
    """A stand-in for Stripe for one shop on one machine.

    Its state is in the SQLite file `state`, or in memory if `state` is None. `account` is what follows `sk_test_` and
    `pk_test_` in the shop's API keys. Keys of other shops are rejected, as Stripe does. Raise ValueError if `host` or
    `webhook_url` is not on loopback, OSError or OverflowError if the port cannot be used, and sqlite3.Error if the
    file cannot be used.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        state: str | None = None,
        webhook_url: str = "",
        webhook_secret: str = "whsec_simulator",  # noqa: S107 -- used only by the simulator
        account: str = "",
    ) -> None:
        if not is_loopback(host):
            raise ValueError(f"The simulator listens only on loopback, such as 127.0.0.1, not on {host}.")
        self.requests: list[tuple[str, str, dict[str, Any], str]] = []
        self.store = Store(state or None)
        self._stopping = threading.Event()
        self._faults = Faults()
        self._deliveries = WebhookDeliveries(self.store, webhook_secret)
        self._api = Api(self.store, self._faults, self._stopping, account)
        self.webhook_url = webhook_url
        try:
            self._web = WebServer(host, port, self)
        except (OSError, OverflowError):
            self.store.close()
            raise
        self._api.base_url = self.url

    @property
    def url(self) -> str:
        """The base URL of the API and the pages, without a trailing slash."""
        return self._web.url

    @property
    def webhook_url(self) -> str:
        """The URL to which events are delivered; empty for no deliveries."""
        return self._deliveries.url

    @webhook_url.setter
    def webhook_url(self, url: str) -> None:
        self._deliveries.url = validate_url(url)
        self._api.webhooks = bool(url)
        self._deliveries.wake()

    @property
    def retry_seconds(self) -> tuple[float, ...]:
        """The seconds to wait before each further attempt of a delivery."""
        return self._deliveries.retry_seconds

    @retry_seconds.setter
    def retry_seconds(self, seconds: tuple[float, ...]) -> None:
        self._deliveries.retry_seconds = seconds

    def start(self) -> None:
        """Start serving requests and delivering events."""
        self._deliveries.start()
        self._web.start()

    def stop(self) -> None:
        """Stop serving and delivering, and close every connection and the state file."""
        self._stopping.set()
        self._web.stop()
        self._deliveries.stop()
        self.store.close()

    def reset(self) -> None:
        """Delete all objects, idempotency keys, deliveries and faults, and the request log."""
        self._faults.clear()
        self.store.clear()
        self.requests.clear()
        self._deliveries.wake()

    def respond(self, request: Request) -> Response | None:
        """Log an API request and return its response, or None to close the connection without one."""
        del self.requests[:-_KEPT_REQUESTS]
        self.requests.append((request.method, request.path, redacted(request.params), request.key))
        response = self._api.respond(request)
        self._deliveries.wake()
        return response

    def add_fault(self, path: str, kind: str, method: str = "POST", times: int = 1, seconds: float = 0.0) -> None:
        """Add a fault for the next calls whose path matches a pattern such as `/v1/refunds*`.

        `times` is the number of calls; 0 means until the faults are cleared. `seconds` is the length of a delay. Raise
        ValueError for an unknown kind or a negative number.
        """
        self._faults.add(Fault(path=path, kind=kind, method=method, times=times, seconds=seconds))

    def add_random_faults(self, rate: float, kinds: Sequence[str], seed: int = 0) -> None:
        """Make calls fail at random at this rate (0.1 is one in ten) until the faults are cleared."""
        self._faults.add_random_faults(rate, kinds, seed)

    def clear_faults(self) -> None:
        """Remove all faults."""
        self._faults.clear()

    def objects(self, kind: str) -> list[dict[str, Any]]:
        """Return all objects of a kind, such as "charge", oldest first."""
        return self.store.find_all(kind)

    def redeliver(self, event_id: str) -> None:
        """Queue another delivery of an event now. Raise ApiError if the event does not exist."""
        if not self.store.find("event", event_id):
            raise missing("event", event_id)
        self.store.queue(event_id)
        self._deliveries.wake()

    def wait_for_deliveries(self, timeout: float = 5) -> bool:
        """Wait until no delivery is queued. Return False if the timeout (in seconds) expires first."""
        return self._deliveries.wait(timeout)

    def complete_3d_secure(self, intent_id: str, succeed: bool) -> dict[str, Any]:
        """Complete or fail 3-D Secure as the shopper would, and return the updated intent."""
        kind, module = (
            ("setup_intent", setup_intents) if intent_id.startswith("seti_") else ("payment_intent", payment_intents)
        )
        with self.store.transaction():
            call = self._internal_call()
            intent: dict[str, Any] = module.resolve_challenge(
                call, call.get_or_error(kind, intent_id, "intent"), succeed
            )
        self._deliveries.wake()
        return intent

    def forget_idempotency_keys(self) -> None:
        """Forget all idempotency keys, as Stripe does after a day. A repeated request is then executed again."""
        self.store.forget_responses()

    def finish_refunds(self) -> list[dict[str, Any]]:
        """Finish the refunds that Stripe would finish some time later, and return them."""
        with self.store.transaction():
            finished = refunds.finish(self._internal_call())
        self._deliveries.wake()
        return finished

    def open_dispute(self, intent_id: str, **details: Any) -> dict[str, Any]:
        """Dispute the charge of an intent as the cardholder's bank would, and return the dispute.

        `details` are its `amount`, `reason` and `status`; `warning_needs_response` makes it an inquiry. Raise ApiError
        if the intent has no charge or the amount exceeds it.
        """
        with self.store.transaction():
            call = self._internal_call()
            intent = call.get_or_error("payment_intent", intent_id)
            charge = call.get_or_error("charge", str(intent["latest_charge"]))
            dispute = disputes.open_dispute(call, charge, **details)
        self._deliveries.wake()
        return dispute

    def change_dispute(self, dispute_id: str, **changes: Any) -> dict[str, Any]:
        """Change fields of a dispute as the bank would, such as its `status`: won, lost. Return the dispute."""
        with self.store.transaction():
            call = self._internal_call()
            dispute = disputes.change(call, call.get_or_error("dispute", dispute_id), **changes)
        self._deliveries.wake()
        return dispute

    def win_dispute(self, dispute_id: str) -> dict[str, Any]:
        """Decide a dispute for the shop and return it."""
        return self.change_dispute(dispute_id, status="won")

    def lose_dispute(self, dispute_id: str) -> dict[str, Any]:
        """Decide a dispute for the cardholder and return it."""
        return self.change_dispute(dispute_id, status="lost")

    def _internal_call(self) -> Call:
        """Return a call without a client, for changes that Stripe makes on its own."""
        return Call(self.store, webhooks=bool(self.webhook_url), base_url=self.url)
