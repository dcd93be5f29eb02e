"""Pages of the admin for the second factor: the own one of a member of staff, and that of a colleague."""

from typing import Any

import segno
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from accounts import rights
from accounts.models import AccountMail, SecondFactor, User
from accounts.staff import sessions
from accounts.staff.forms import CodeForm, ConfirmedCodeForm, SetUpForm
from accounts.views.sign_in import get_signed_in_user
from core.admin import record_action
from core.http import private

OWN_PAGE = "admin:accounts_user_second_factor"
Kind = AccountMail.Kind


def urls() -> list[Any]:
    """Return the URLs of these pages, which are in the admin of users."""
    own, name = admin.site.admin_view, "accounts_user_second_factor"
    return [
        path("second-factor/", own(second_factor), name=name),
        path("second-factor/codes/", own(recovery_codes), name=f"{name}_codes"),
        path("second-factor/off/", own(second_factor_off), name=f"{name}_off"),
        path("<int:pk>/second-factor/", own(second_factor_reset), name=f"{name}_reset"),
    ]


@private
@sensitive_post_parameters("password", "code")
def second_factor(request: HttpRequest) -> HttpResponse:
    """Show the own second factor. Without one, show a QR code and turn it on after the password and a first code."""
    user = get_signed_in_user(request)
    factor = SecondFactor.objects.filter(user=user).first()
    if factor and factor.is_on:
        return _render(request, "second_factor", {"factor": factor, "form": ConfirmedCodeForm(request, factor)})
    if settings.STAFF_SECOND_FACTOR == "off":
        return _render(request, "second_factor", {"is_off": True})
    is_new = factor is None or not sessions.is_setting_up(request, factor)
    if is_new and request.method == "POST":
        sessions.begin_set_up(request, SecondFactor.objects.start(user))
        return redirect(OWN_PAGE)
    if factor is None or is_new:
        return _render(request, "second_factor", {"is_required": settings.STAFF_SECOND_FACTOR == "required"})
    factor.user = user
    form = SetUpForm(request, factor, request.POST if request.method == "POST" else None)
    if form.is_valid():
        return _turn_on(request, factor)
    return _render(request, "second_factor_set_up", {"factor": factor, "form": form, "qr_code": _qr_code(factor.url)})


def _turn_on(request: HttpRequest, factor: SecondFactor) -> HttpResponse:
    """Turn the second factor on in this session, and show the recovery codes once. All other sessions end."""
    codes = factor.confirm()
    if not codes:  # another tab has just done it
        return redirect(OWN_PAGE)
    request.session.cycle_key()
    sessions.record_new_factor(request)
    AccountMail.objects.notify(Kind.FACTOR_ON, factor.user.email, factor.user)
    messages.success(request, _("The second factor is on. Other devices have been logged out."))
    return _render(request, "recovery_codes", {"codes": codes})


@private
@require_POST
@sensitive_post_parameters("password", "code")
def recovery_codes(request: HttpRequest) -> HttpResponse:
    """Replace the recovery codes, and show the new ones once."""
    factor, form = _confirmed_form(request)
    if form.is_valid():
        return _render(request, "recovery_codes", {"codes": factor.make_recovery_codes()})
    return _render(request, "second_factor", {"factor": factor, "form": form})


@private
@require_POST
@sensitive_post_parameters("password", "code")
def second_factor_off(request: HttpRequest) -> HttpResponse:
    """Turn the own second factor off. All other sessions end."""
    factor, form = _confirmed_form(request)
    if not form.is_valid():
        return _render(request, "second_factor", {"factor": factor, "form": form})
    if SecondFactor.objects.turn_off(factor.user):
        request.session.cycle_key()
        sessions.record_no_factor(request)
        AccountMail.objects.notify(Kind.FACTOR_OFF, factor.user.email, factor.user)
    messages.success(request, _("The second factor is off. Other devices have been logged out."))
    return redirect(OWN_PAGE)


@private
def second_factor_reset(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove the second factor of a colleague who has lost it. Both get an email, and the colleague's sessions end."""
    user = get_object_or_404(User, pk=pk)
    if not rights.may_grant_rights(request.user) or user.pk == request.user.pk:
        raise PermissionDenied
    if request.method != "POST":
        return _render(request, "second_factor_reset", {"original": user, "is_on": SecondFactor.objects.is_on(user)})
    if SecondFactor.objects.turn_off(user):
        record_action(request, [user], gettext_lazy("Second factor reset."))
        for to in (user.email, request.user.get_username()):
            AccountMail.objects.notify(Kind.RESET_FACTOR, to, user)
        messages.success(request, _("The second factor of %(user)s has been reset.") % {"user": user})
    else:
        messages.info(request, _("%(user)s has no second factor.") % {"user": user})
    return redirect(reverse("admin:accounts_user_change", args=[pk]))


def _confirmed_form(request: HttpRequest) -> tuple[SecondFactor, CodeForm]:
    """Return the own second factor and the submitted form with the password and a code."""
    factor = get_object_or_404(SecondFactor.objects.on().select_related("user"), user=request.user.pk)
    return factor, ConfirmedCodeForm(request, factor, request.POST)


def _render(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    context = {**admin.site.each_context(request), "title": _("Second factor"), "opts": User._meta, **context}
    form = context.get("form")
    status = 429 if form and form.is_over_limit else 200
    return render(request, f"accounts/admin/{template}.html", context, status=status)


def _qr_code(url: str) -> SafeString:
    """Return a QR code as SVG, dark on light in each color scheme, because not all apps read others."""
    code = segno.make(url, micro=False).svg_inline(scale=4, dark="#000", light="#fff", title=_("QR code"))
    return mark_safe(code)  # noqa: S308 - segno makes it of numbers and the escaped title
