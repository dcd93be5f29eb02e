"""Production settings, except for two that would make the tests minutes slower without proving more.

The cookies have the names of production, where no other shop has the same host.
"""

from django.contrib.auth.hashers import Argon2PasswordHasher

from ecommerce.settings import *  # noqa: F403
from ecommerce.settings import STORAGES

STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # needs no files
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "sessionid", "csrftoken"
MESSAGES_COOKIE_NAME, LANGUAGE_COOKIE_NAME = "messages", "django_language"
PASSWORD_HASHERS = ["tests.proofs.abuse_settings.LighterHasher"]


class LighterHasher(Argon2PasswordHasher):
    """A hasher with a sixth of the usual work. It still takes most of the time of a sign-in."""

    time_cost, memory_cost, parallelism = 1, 32_768, 1
