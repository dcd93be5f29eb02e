"""The roles of staff: groups with the permissions to finish a kind of work, and no more.

They are made by the first `migrate`. What a merchant changes about them later stays.
"""

from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.db import transaction

from accounts.models import Role


def _all_of(*models: str) -> tuple[str, ...]:
    """Return the four permissions of Django for each of these models, such as products.product."""
    pairs = [model.split(".") for model in models]
    return tuple(f"{app}.{verb}_{name}" for app, name in pairs for verb in ("view", "add", "change", "delete"))


NOTES = ("orders.view_ordernote", "orders.add_ordernote")
PACKER = (
    "orders.view_order", "orders.view_orderitem", "orders.ship_order", "orders.view_carrier", "orders.view_shipment",
    *NOTES,
)  # fmt: skip
SUPPORT = (
    "orders.view_order", "orders.view_orderitem", "orders.view_orderevent", "orders.view_payment", "orders.view_refund",
    "orders.view_dispute", "orders.view_mail", "orders.change_order", "orders.refund_order", "accounts.view_user",
    "accounts.change_user", "accounts.erase_person", "accounts.view_guestemail", "accounts.view_accountmail",
    "addresses.view_address", "addresses.change_address", "axes.view_accessattempt", "axes.delete_accessattempt",
    "billing.view_billingprofile", "billing.view_card", "billing.view_cardmail", "carts.view_cart",
    "carts.view_cartitem", "products.view_product", "orders.view_withdrawal", "orders.change_withdrawal",
    "orders.view_withdrawalmail", "orders.view_orderlinkmail", "core.view_contactmail", "orders.view_shipment",
    "orders.view_correction", "orders.view_customernote", "orders.add_customernote", "orders.delete_customernote",
    *NOTES,
)  # fmt: skip
CATALOGUE = (
    *_all_of("products.product", "products.category", "products.picture", "products.homesection"),
    "products.view_stockmovement",
)  # fmt: skip
MANAGER = (
    *PACKER, *SUPPORT, *CATALOGUE, *_all_of("carts.discount", "carts.shippingmethod", "carts.taxrate"),
    *_all_of("core.page", "core.guaranteenotice", "orders.carrier"), "accounts.add_user", "admin.view_logentry",
    "orders.export_order",
    "billing.view_cardattempt", "billing.view_stripeevent", "carts.view_wrongcode", "core.view_shop",
    "core.change_shop", "core.publish_page", "core.view_pagetext",
)  # fmt: skip
# Rights of users and groups are for superusers only, see accounts.rights.
ROLES: dict[str, tuple[str, ...]] = {
    "Packer": PACKER, "Support": SUPPORT, "Catalogue": CATALOGUE, "Manager": tuple(dict.fromkeys(MANAGER)),
}  # fmt: skip


def make_roles() -> None:
    """Make the roles that have never been made, and give all roles the permissions that they have never had.

    A group that a merchant deleted does not come back, and neither does a permission that was taken from it.
    """
    for name, permissions in ROLES.items():
        with transaction.atomic():
            role = Role.objects.select_for_update().filter(name=name).first() or _make_role(name)
            missing = [permission for permission in permissions if permission not in role.granted]
            if missing:
                _grant(role, missing)


def _make_role(name: str) -> Role:
    """Return a new role with its group. A merchant's own group of this name stays as it is."""
    group, is_new = Group.objects.get_or_create(name=name)
    return Role.objects.create(name=name, group=group if is_new else None)


def _grant(role: Role, permissions: list[str]) -> None:
    if role.group:
        role.group.permissions.add(*[_permission(text) for text in permissions])
    role.granted = [*role.granted, *permissions]
    role.save(update_fields=["granted"])


def _permission(text: str) -> Permission:
    """Return the permission. Django makes those of later apps only after it has sent `post_migrate` for this one."""
    app, codename = text.split(".")
    found = Permission.objects.filter(content_type__app_label=app, codename=codename).first()
    if found is None:
        create_permissions(apps.get_app_config(app), verbosity=0)
        found = Permission.objects.get(content_type__app_label=app, codename=codename)
    return found
