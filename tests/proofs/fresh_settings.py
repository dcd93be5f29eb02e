"""The settings of the abuse tests, with the app that breaks the shop on purpose."""

from tests.proofs.abuse_settings import *  # noqa: F403
from tests.proofs.abuse_settings import INSTALLED_APPS

INSTALLED_APPS.append("tests.proofs.breakage")
