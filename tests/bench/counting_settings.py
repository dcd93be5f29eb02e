"""The shop's settings with the middleware that counts statements around all others."""

from ecommerce.settings import *  # noqa: F403
from ecommerce.settings import MIDDLEWARE

MIDDLEWARE.insert(0, "tests.bench.counting.StatementCounter")
