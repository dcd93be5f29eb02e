"""People: users and guests."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Users sign in by e-mail; guests leave one."""

    name = "accounts"
