"""Signed deliveries of events to the shop, repeated until it takes them."""

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

from billing.simulator.store import Store

RETRY_SECONDS = (1.0, 3.0, 10.0, 30.0, 120.0)
_TIMEOUT = 20.0


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine itself."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def checked_url(url: str) -> str:
    """A webhook address that may be used; empty means no deliveries."""
    parts = urlsplit(url)
    if url and (parts.scheme != "http" or not is_loopback(parts.hostname or "")):
        raise ValueError(f"The simulator delivers webhooks only to http on loopback, not to {url}.")
    return url


def signature(payload: str, secret: str, timestamp: int) -> str:
    """The Stripe-Signature header of a payload."""
    signed = hmac.new(secret.encode(), f"{timestamp}.{payload}".encode(), hashlib.sha256)
    return f"t={timestamp},v1={signed.hexdigest()}"


class Deliveries:
    """A thread that delivers what the store has queued, oldest due first."""

    def __init__(self, store: Store, secret: str) -> None:
        self.store = store
        self.secret = secret
        self.url = ""
        self.retry_seconds: tuple[float, ...] = RETRY_SECONDS
        self._changed = threading.Condition()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="simulator-webhooks", daemon=True)

    def start(self) -> None:
        """Begin to deliver, with what an earlier run left over."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the delivery under way and end; what is queued stays queued."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout=2)

    def wake(self) -> None:
        """Something was queued or changed."""
        with self._changed:
            self._changed.notify_all()

    def wait(self, timeout: float) -> bool:
        """Wait until nothing is queued; False when time ran out first."""
        with self._changed:
            return self._changed.wait_for(lambda: self.store.next_delivery() is None, timeout)

    def _run(self) -> None:
        """Deliver until stopped."""
        while True:
            with self._changed:
                if self._is_stopping:
                    return
                job = self.store.next_delivery() if self.url else None
                wait = None if job is None else job[2] - time.time()
                if job is None or (wait or 0) > 0:
                    self._changed.wait(wait)
                    continue
            self._deliver(*job)
            self.wake()

    def _deliver(self, event_id: str, attempts: int, due: float) -> None:
        """Try one event once and note how it went."""
        event = self.store.find("event", event_id)
        is_taken = event is None or self._post(event)
        with self.store.transaction():
            event = self.store.find("event", event_id)
            self.store.unqueue(event_id, due)
            if event and is_taken:
                self.store.save({**event, "pending_webhooks": 0})
            elif event and attempts < len(self.retry_seconds):
                self.store.queue(event_id, attempts + 1, self.retry_seconds[attempts])

    def _post(self, event: dict[str, Any]) -> bool:
        """Send an event; True when the shop answered with success. Follows no redirect and no proxy."""
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
