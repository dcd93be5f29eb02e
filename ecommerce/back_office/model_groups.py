"""The groups in which the admin lists its models, with names that a merchant knows."""

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext_lazy as _

# Models by group, in the order of the page. A model without a name keeps its own.
GROUPS: dict[str, tuple[Any, dict[str, Any]]] = {
    "orders": (
        _("Orders"),
        {
            "orders.order": "",
            "orders.shipment": "",
            "orders.refund": "",
            "orders.withdrawal": "",
            "orders.dispute": "",
            "carts.cart": "",
        },
    ),
    "products": (_("Products"), {"products.product": "", "products.category": "", "products.stockmovement": ""}),
    "customers": (
        _("Customers"),
        {
            "billing.billingprofile": "",
            "accounts.user": "",
            "accounts.guestemail": _("Guests"),
            "addresses.address": _("Postal addresses"),
            "orders.customernote": "",
        },
    ),
    "emails": (
        _("Emails"),
        {
            "core.contactmail": _("Messages from visitors"),
            "orders.mail": _("Emails about orders"),
            "orders.withdrawalmail": _("Emails about withdrawals"),
            "orders.orderlinkmail": _("Emails with links to orders"),
            "accounts.accountmail": _("Emails about accounts"),
            "billing.cardmail": _("Emails about cards"),
        },
    ),
    "shop": (
        _("Shop and legal pages"),
        {
            "core.shop": _("Shop"),
            "products.homesection": _("Home page"),
            "core.page": "",
            "core.pagetext": _("Published versions of pages"),
            "core.guaranteenotice": "",
        },
    ),
    "prices": (
        _("Prices and delivery"),
        {"carts.shippingmethod": "", "orders.carrier": "", "carts.taxrate": "", "carts.discount": ""},
    ),
    "staff": (_("Staff"), {"auth.group": _("Groups of staff"), "admin.logentry": _("What staff changed")}),
    "technical": (
        _("Technical"),
        {
            "axes.accessattempt": _("Failed logins"),
            "carts.wrongcode": _("Wrong discount codes"),
            "billing.cardattempt": _("Attempts to use a card"),
            "billing.stripeevent": _("Messages from Stripe"),
        },
    ),
}
MORE = ("more", _("More"))  # for models that no group names


def group_models(apps: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the models of Django's list of apps in groups. Groups without models are left out."""
    left = {model["model"]._meta.label_lower: model for app in apps for model in app["models"]}
    groups = []
    for key, (title, names) in GROUPS.items():
        found = [_named(left.pop(label), name) for label, name in names.items() if label in left]
        groups.append(_group(key, title, found))
    groups.append(_group(*MORE, list(left.values())))
    return [group for group in groups if group["models"]]


def _named(model: dict[str, Any], name: Any) -> dict[str, Any]:
    return model | {"name": name or model["name"]}


def _group(key: str, title: Any, models: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the group as Django's templates expect an app. It has no page of its own."""
    return {"name": title, "app_label": key, "app_url": "", "has_module_perms": True, "models": models}
