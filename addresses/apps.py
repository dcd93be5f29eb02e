"""Where things go."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AddressesConfig(AppConfig):
    """The address books of the billing profiles."""

    name = "addresses"
    verbose_name = _("Addresses")
