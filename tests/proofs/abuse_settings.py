"""The shop's settings as in production, but for two that would cost the tests minutes and prove nothing more."""

from django.contrib.auth.hashers import Argon2PasswordHasher

from ecommerce.settings import *  # noqa: F403
from ecommerce.settings import STORAGES

STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # nothing to collect
PASSWORD_HASHERS = ["tests.proofs.abuse_settings.LighterHasher"]


class LighterHasher(Argon2PasswordHasher):
    """A sixth of the work of a real one, and still most of a sign-in's."""

    time_cost, memory_cost, parallelism = 1, 32_768, 1
