"""Views for downloading personal data and deleting the account. Both ask for the password again."""

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from accounts.forms import PasswordConfirmationForm
from accounts.views.sign_in import get_signed_in_user
from core.http import private
from orders.workflow.erasure import OrdersInProgress, delete_account, get_orders_in_progress
from orders.workflow.personal_data import export_personal_data


@private
@sensitive_post_parameters("password")
@login_required
def data_download(request: HttpRequest) -> HttpResponse:
    """Return a JSON file with all data that the shop stores about the signed-in user."""
    form = PasswordConfirmationForm(request, request.POST or None)
    if not form.is_valid():
        return render(request, "accounts/data_download.html", {"form": form})
    response = JsonResponse(
        export_personal_data(get_signed_in_user(request)), json_dumps_params={"indent": 2, "ensure_ascii": False}
    )
    response["Content-Disposition"] = f'attachment; filename="my-data-{timezone.localdate():%Y-%m-%d}.json"'
    return response


@private
@sensitive_post_parameters("password")
@login_required
def account_delete(request: HttpRequest) -> HttpResponse:
    """Explain what is deleted and what is kept, ask for the password, delete the account and end the session."""
    user = get_signed_in_user(request)
    form = PasswordConfirmationForm(request, request.POST or None)
    orders_in_progress = get_orders_in_progress(user)
    if form.is_bound and not user.is_staff and not orders_in_progress and form.is_valid():
        try:
            delete_account(user)
        except OrdersInProgress as error:  # An order was placed in another tab in the meantime.
            orders_in_progress = error.orders
        else:
            logout(request)
            messages.success(request, _("Your account has been deleted. Thank you for shopping with us."))
            return redirect("home")
    return render(request, "accounts/account_delete.html", {"form": form, "orders_in_progress": orders_in_progress})
