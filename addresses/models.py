"""The postal addresses of billing profiles."""

from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.forms import model_to_dict
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from addresses.countries import country_name
from addresses.country_rules import known_countries, region_choices, region_key
from addresses.labels import label_lines
from billing.models import BillingProfile

MAX_ADDRESSES = 50  # of a billing profile


class AddressManager(models.Manager["Address"]):
    def for_profile(self, billing_profile: BillingProfile) -> models.QuerySet["Address"]:
        """Return the addresses of this billing profile only, newest first."""
        return self.filter(billing_profile=billing_profile).order_by("-pk")

    def get_or_copy(self, address: "Address", billing_profile: BillingProfile) -> "Address":
        """Return this profile's address with the same content. Copy `address` to the profile if it has none."""
        values = model_to_dict(address, exclude=["id", "billing_profile"])
        existing = self.for_profile(billing_profile).filter(**values).first()
        return existing or self.create(billing_profile=billing_profile, **values)


class Address(models.Model):
    """A postal address to ship or bill to.

    An order copies the text of its addresses when it is placed, so later changes here do not affect it.
    """

    class Type(models.TextChoices):
        SHIPPING = "shipping", _("Shipping address")
        BILLING = "billing", _("Billing address")

    billing_profile = models.ForeignKey(
        BillingProfile, models.CASCADE, related_name="addresses", verbose_name=_("billing profile")
    )
    name = models.CharField(_("full name"), max_length=120)
    line_1 = models.CharField(pgettext_lazy("street", "address"), max_length=120)
    line_2 = models.CharField(_("flat, company or c/o"), max_length=120, blank=True)
    city = models.CharField(_("town or city"), max_length=80, blank=True)
    city_area = models.CharField(_("district"), max_length=80, blank=True)
    state = models.CharField(_("state or region"), max_length=80, blank=True)
    postal_code = models.CharField(_("postcode"), max_length=20, blank=True)
    sorting_code = models.CharField(_("sorting code"), max_length=20, blank=True)
    country = models.CharField(_("country"), max_length=2)
    timestamp = models.DateTimeField(_("created"), auto_now_add=True)

    objects: ClassVar[AddressManager] = AddressManager()

    class Meta:
        verbose_name = _("address")
        verbose_name_plural = _("addresses")

    def __str__(self) -> str:
        return ", ".join(self.lines())

    @property
    def country_name(self) -> str:
        return country_name(self.country)

    def clean(self) -> None:
        """Store the country and the region by their keys. Reject those that the address rules do not have."""
        self.country = self.country.upper()
        if self.country and self.country not in known_countries():
            raise ValidationError({"country": gettext("There is no country with this code.")})
        if region_choices(self.country):
            state = region_key(self.country, self.state)
            if state is None:
                raise ValidationError({"state": gettext("There is no such region in this country.")})
            self.state = state

    def lines(self) -> list[str]:
        """Return the lines of an address label in the country's format, without empty lines, country name last."""
        return [*label_lines(self.country, model_to_dict(self)), self.country_name]
