"""Where things go."""

from django.apps import AppConfig


class AddressesConfig(AppConfig):
    """The address books of the billing profiles."""

    name = "addresses"
