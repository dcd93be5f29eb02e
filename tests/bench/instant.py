"""The app that replaces the calls to Stripe in a measured server."""

import itertools
import time

import pytest
from django.apps import AppConfig

from tests.instant_gateway import InstantGateway


class InstantGatewayConfig(AppConfig):
    """Replaces the gateway when the server starts. Only one worker may run, because it remembers the payments."""

    name = "tests.bench"
    label = "instant_gateway"

    def ready(self) -> None:
        """Install the gateway with ids that no earlier server of this database has used."""
        gateway = InstantGateway()
        gateway.numbers = itertools.count(time.time_ns())
        gateway.install(pytest.MonkeyPatch())
