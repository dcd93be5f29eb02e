"""The shop's settings with a gateway that answers instantly, to measure the shop without Stripe."""

from ecommerce.settings import *  # noqa: F403
from ecommerce.settings import INSTALLED_APPS

INSTALLED_APPS.append("tests.bench.instant.InstantGatewayConfig")
