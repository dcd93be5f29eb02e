"""Views for withdrawing from a contract: a form, a page to confirm it, and the receipt."""

from django.contrib import messages
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.views.sign_in import get_signed_in_user
from core.http import client_key, private, same_origin_or_csrf
from orders.emails.withdrawals import ticked_lines
from orders.models import Order, Withdrawal
from orders.models.withdrawal import MAX_ORDER_NUMBER
from orders.shopper_forms import OrderWithdrawalForm, WithdrawalForm
from orders.workflow.guests import get_signup_initial
from orders.workflow.withdrawals.declaring import declare

SALT = "withdrawal-receipt"
RECEIPT_SECONDS = 86_400  # how long the page with the receipt can be opened; the email stays


@private
@same_origin_or_csrf
def withdraw(request: HttpRequest, order_id: str = "") -> HttpResponse:
    """Show the form, or the page that repeats what was entered for confirmation."""
    order = _visible_order(request, order_id)
    if order_id and order is None:
        return _redirect_to_public_form(request, order_id)
    form = _form(request, order)
    is_entered = form.is_bound and "edit" not in request.POST
    return _confirm_page(request, form, order) if is_entered and form.is_valid() else _form_page(request, form, order)


@private
@same_origin_or_csrf  # so that a declaration needs no cookie, and counts after a sign-in in another tab
def withdraw_confirm(request: HttpRequest, order_id: str = "") -> HttpResponse:
    """Store the declaration and redirect to its receipt."""
    order = _visible_order(request, order_id)
    if order_id and order is None:
        return _redirect_to_public_form(request, order_id)
    form = _form(request, order)
    if not form.is_bound:  # the address of this page was opened, for example from the browser's history
        return redirect(_step(order))
    if not form.is_valid():
        return _form_page(request, form, order)
    withdrawal = declare(form.declaration(), client_key(request))
    return redirect("orders:withdraw_receipt", signing.dumps(withdrawal.number, salt=SALT))


@private
@require_safe
def withdraw_receipt(request: HttpRequest, key: str) -> HttpResponse:
    """Show the receipt, for printing."""
    try:
        number = signing.loads(key, salt=SALT, max_age=RECEIPT_SECONDS)
    except signing.BadSignature as error:
        raise Http404 from error
    withdrawal = get_object_or_404(Withdrawal.objects.exclude(email=""), number=number)
    context = {
        "withdrawal": withdrawal,
        "lines": ticked_lines(withdrawal),
        "is_emailed": withdrawal.mails.receipts().exists(),
    }
    return render(request, "orders/withdrawals/receipt.html", context)


def _visible_order(request: HttpRequest, order_id: str) -> Order | None:
    """Return the visitor's paid order with this number, or None."""
    paid = Order.objects.for_visitor(request).filter(status__in=Order.PAID_STATES) if order_id else Order.objects.none()
    found: Order | None = paid.filter(order_id=order_id).first()
    return found


def _redirect_to_public_form(request: HttpRequest, order_id: str) -> HttpResponse:
    """Redirect to the form for everybody, with this number. The answer is the same whether or not the order exists."""
    messages.info(request, _("Please fill in this form. You do not need to log in."))
    return redirect(f"{reverse('orders:withdraw')}?{urlencode({'order_number': order_id[:MAX_ORDER_NUMBER]})}")


def _form(request: HttpRequest, order: Order | None) -> WithdrawalForm | OrderWithdrawalForm:
    data = request.POST or None
    if order:
        recipient = {"name": (order.shipping_address_text.splitlines() or [""])[0]}
        return OrderWithdrawalForm(data, order=order, initial=recipient | _person(request))
    return WithdrawalForm(
        data, initial={"order_number": request.GET.get("order_number", "")[:MAX_ORDER_NUMBER]} | _person(request)
    )


def _person(request: HttpRequest) -> dict[str, str]:
    """Return name and email address of the visitor, as far as known."""
    if request.user.is_authenticated:
        user = get_signed_in_user(request)
        found = {"name": user.name, "email": user.email}
    else:
        found = get_signup_initial(request)
    return {name: text for name, text in found.items() if text}


def _step(order: Order | None, suffix: str = "") -> str:
    """Return the URL of the form, or with the suffix "_confirm" of its second step."""
    if order is None:
        return reverse(f"orders:withdraw{suffix}")
    return reverse(f"orders:withdraw_order{suffix}", args=[order.order_id])


def _form_page(request: HttpRequest, form: WithdrawalForm | OrderWithdrawalForm, order: Order | None) -> HttpResponse:
    context = {"form": form, "order": order, "action": _step(order)}
    return render(request, "orders/withdrawals/form.html", context)


def _confirm_page(
    request: HttpRequest, form: WithdrawalForm | OrderWithdrawalForm, order: Order | None
) -> HttpResponse:
    context = {
        "form": form,
        "declaration": form.declaration(),
        "lines": form.chosen_lines() if isinstance(form, OrderWithdrawalForm) else [],
        "action": _step(order, "_confirm"),
        "back": _step(order),
    }
    return render(request, "orders/withdrawals/confirm.html", context)
