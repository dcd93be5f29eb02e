"""Admin site settings, and the base classes for the admins of all apps.

The admin of each model is either a ReadOnlyAdmin or an EditAdmin. A DeletionAdmin is an EditAdmin of rows that can be
deleted only while nothing refers to them. List actions that change rows are confirmed actions.
"""

from django.contrib import admin
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _

from core.admin.confirmed_actions import Plan, confirmed_action
from core.admin.deletion import DeletionAdmin
from core.admin.edit_admin import EditAdmin
from core.admin.log_entries import record_action
from core.admin.read_only import ReadOnlyAdmin, ReadOnlyInline
from core.shop.current import current_shop

__all__ = ["DeletionAdmin", "EditAdmin", "Plan", "ReadOnlyAdmin", "ReadOnlyInline", "confirmed_action", "record_action"]


@lazy
def _shop_name() -> str:
    """Return the name of the shop when a page shows it."""
    return current_shop().name


admin.site.site_header = admin.site.site_title = _shop_name()
admin.site.index_title = _("Staff")
