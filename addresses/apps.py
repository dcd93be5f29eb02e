"""App configuration for addresses."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AddressesConfig(AppConfig):
    """The app with the address books of billing profiles."""

    name = "addresses"
    verbose_name = _("Addresses")
