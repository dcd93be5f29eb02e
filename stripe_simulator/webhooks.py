"""Signed webhook deliveries to the shop, retried until it accepts them or the attempts are used up."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ipaddress
import json
import threading
import time
from typing import Any
from urllib.parse import urlsplit

from stripe_simulator.store import Store

RETRY_SECONDS = (1.0, 3.0, 10.0, 30.0, 120.0)
_TIMEOUT = 20.0


def is_loopback(host: str) -> bool:
    """Return whether a host name or IP address refers to this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def validate_url(url: str) -> str:
    """Return the webhook URL; an empty one means no deliveries.

    Raise ValueError unless it is an http URL on loopback.
    """
    parts = urlsplit(url)
    if url and (parts.scheme != "http" or not is_loopback(parts.hostname or "")):
        raise ValueError(f"The simulator delivers webhooks only to http on loopback, not to {url}.")
    return url


def signature(payload: str, secret: str, timestamp: int) -> str:
    """Return the Stripe-Signature header for a payload."""
    signed = hmac.new(secret.encode(), f"{timestamp}.{payload}".encode(), hashlib.sha256)
    return f"t={timestamp},v1={signed.hexdigest()}"


class WebhookDeliveries:
    """A thread that delivers the events queued in the store, in the order in which they are due."""

    def __init__(self, store: Store, secret: str) -> None:
        self.store = store
        self.secret = secret
        self.url = ""
        self.retry_seconds: tuple[float, ...] = RETRY_SECONDS
        self._changed = threading.Condition()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="simulator-webhooks", daemon=True)

    def start(self) -> None:
        """Start delivering, including events that an earlier run left in the queue."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current delivery, and wait up to 2 seconds for it. Queued events stay queued."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout=2)

    def wake(self) -> None:
        """Notify the waiting threads that the queue or the URL has changed."""
        with self._changed:
            self._changed.notify_all()

    def wait(self, timeout: float) -> bool:
        """Wait until the queue is empty. Return False if the timeout (in seconds) expires first."""
        with self._changed:
            return self._changed.wait_for(lambda: self.store.next_delivery() is None, timeout)

    def _run(self) -> None:
        """Deliver queued events until stopped."""
        while True:
            with self._changed:
                if self._is_stopping:
                    return
                delivery = self.store.next_delivery() if self.url else None
                wait = None if delivery is None else delivery[2] - time.time()
                if delivery is None or (wait or 0) > 0:
                    self._changed.wait(wait)
                    continue
            self._deliver(*delivery)
            self.wake()

    def _deliver(self, event_id: str, attempts: int, due: float) -> None:
        """Attempt one delivery, and queue a retry if it fails and attempts are left."""
        event = self.store.find("event", event_id)
        is_accepted = event is None or self._post(event)
        with self.store.transaction():
            event = self.store.find("event", event_id)
            self.store.unqueue(event_id, due)
            if event and is_accepted:
                self.store.save({**event, "pending_webhooks": 0})
            elif event and attempts < len(self.retry_seconds):
                self.store.queue(event_id, attempts + 1, self.retry_seconds[attempts])

    def _post(self, event: dict[str, Any]) -> bool:
        """Send an event and return whether the shop responded with a 2xx status.

        Do not follow redirects or use a proxy.
        """
        payload = json.dumps(event, indent=2)
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=_TIMEOUT)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(payload, self.secret, int(time.time())),
            "User-Agent": "Stripe/1.0 (simulator)",
        }
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request("POST", path, payload.encode(), headers)
            return 200 <= connection.getresponse().status < 300
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
