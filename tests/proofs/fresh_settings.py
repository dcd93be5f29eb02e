"""The settings of the abuse tests, with the app that breaks the shop on purpose and the passwords of other tests."""

from tests.proofs.abuse_settings import *  # noqa: F403
from tests.proofs.abuse_settings import INSTALLED_APPS

INSTALLED_APPS.append("tests.proofs.breakage")
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the test process creates the accounts
