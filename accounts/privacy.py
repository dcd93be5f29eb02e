"""One's own data, to take along or to take away; both ask for the password again."""

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from accounts.deletion import UnderWay, delete_account, orders_under_way
from accounts.export import own_data
from accounts.forms import PasswordAgainForm
from accounts.views import signed_in
from ecommerce.http import private


@private
@sensitive_post_parameters("password")
@login_required
def data_download(request: HttpRequest) -> HttpResponse:
    """A file with all that we keep about who is signed in."""
    form = PasswordAgainForm(request, request.POST or None)
    if not form.is_valid():
        return render(request, "accounts/data_download.html", {"form": form})
    answer = JsonResponse(own_data(signed_in(request)), json_dumps_params={"indent": 2, "ensure_ascii": False})
    answer["Content-Disposition"] = f'attachment; filename="my-data-{timezone.localdate():%Y-%m-%d}.json"'
    return answer


@private
@sensitive_post_parameters("password")
@login_required
def account_delete(request: HttpRequest) -> HttpResponse:
    """Say what goes and what stays, ask for the password, delete; the session ends with the account."""
    user = signed_in(request)
    form = PasswordAgainForm(request, request.POST or None)
    under_way = orders_under_way(user)
    if form.is_bound and not user.is_staff and not under_way and form.is_valid():
        try:
            delete_account(user)
        except UnderWay as refusal:  # placed in another tab a moment ago
            under_way = refusal.orders
        else:
            logout(request)
            messages.success(request, _("Your account has been deleted. Thank you for shopping with us."))
            return redirect("home")
    return render(request, "accounts/account_delete.html", {"form": form, "under_way": under_way})
