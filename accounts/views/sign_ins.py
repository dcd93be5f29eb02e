"""The page that lists where a user is logged in, and its buttons."""

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.db.models import BooleanField, ExpressionWrapper, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.views.sign_in import get_signed_in_user
from core.http import private

MOST = 50  # sessions on the page; more are only possible with a program


@private
@require_safe
@login_required
def sign_ins(request: HttpRequest) -> HttpResponse:
    """List the user's sessions, this one first."""
    rows, key = get_signed_in_user(request).sign_ins.current(), request.session.session_key
    this_first = rows.annotate(is_this=ExpressionWrapper(Q(session_key=key), BooleanField())).order_by(
        "-is_this", "-last_used", "-pk"
    )
    return render(request, "accounts/sign_ins.html", {"sign_ins": this_first[:MOST]})


@private
@require_POST
@login_required
def sign_in_end(request: HttpRequest, pk: int) -> HttpResponse:
    """End one session of the user."""
    sign_ins = get_signed_in_user(request).sign_ins
    sign_in = get_object_or_404(sign_ins, pk=pk)
    if sign_in.session_key == request.session.session_key:
        logout(request)
        messages.info(request, _("You are logged out."))
        return redirect("home")
    sign_ins.filter(pk=pk).end_sessions()
    messages.success(request, _("%(device)s has been logged out.") % {"device": sign_in.device})
    return redirect("accounts:sign_ins")


@private
@require_POST
@login_required
def sign_ins_end_others(request: HttpRequest) -> HttpResponse:
    """End all sessions of the user except this one."""
    get_signed_in_user(request).sign_ins.exclude(session_key=request.session.session_key).end_sessions()
    messages.success(request, _("All other devices have been logged out."))
    return redirect("accounts:sign_ins")
