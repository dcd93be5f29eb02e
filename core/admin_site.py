"""The admin site. It answers a request again if the row was saved or deleted by a colleague at the same moment."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin, messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from core.http import route_of

logger = logging.getLogger(__name__)

FORM_VIEWS = ("add_view", "change_view", "delete_view")
TRIES = 5  # A slug can be taken several times in a row.


class ShopAdminSite(admin.AdminSite):
    """An admin site whose forms never fail because of two requests at the same moment."""

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        return super().admin_view(_answer_again(view), cacheable)


def _answer_again(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Wrap a view so that it runs again if the database rejects its changes.

    Validation cannot see a row that another transaction has not committed yet. The second time, it sees the row and
    the form shows the usual message, a new row gets the next free slug, and the deletion page says what refers to the
    row. The form is never saved twice: everything that a rejected try wrote is rolled back.
    """
    from core.page_cache.versions import collect_touches  # This module is imported before models can be.

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not _writes_only_rows(view, request):
            return view(request, *args, **kwargs)
        for _number in range(TRIES):
            try:
                with transaction.atomic(), collect_touches():
                    return view(request, *args, **kwargs)
            except IntegrityError as error:  # Django's ProtectedError too.
                logger.warning("The admin answers %s again: %s", route_of(request), type(error).__name__)
                for file in (file for _name, files in request.FILES.lists() for file in files):
                    file.seek(0)
        logger.error("The database rejected what was sent to %s %d times.", route_of(request), TRIES)
        messages.error(request, _("Nothing was saved, because somebody else was saving too. Please try again."))
        return redirect(request.get_full_path())

    return answer


def _writes_only_rows(view: Callable[..., HttpResponse], request: HttpRequest) -> bool:
    """Check that the request saves or deletes rows. Other pages and actions can call Stripe, so they run once."""
    if request.method != "POST":
        return False
    name = getattr(view, "__name__", "")
    is_saved_list = "_save" in request.POST or set(request.POST.getlist("action")) == {"delete_selected"}
    return name in FORM_VIEWS or (name == "changelist_view" and is_saved_list)
