"""The contact page: the text of the page of this kind, if there is one, and a form."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from core.contact.forms import ContactForm
from core.contact.models import HOUR, ContactMail
from core.http import client_key, private
from core.pages.current import page_of
from core.pages.models import Page
from core.shop.current import current_shop


@require_http_methods(["GET", "HEAD", "POST"])
@private
def contact(request: HttpRequest) -> HttpResponse:
    """Show the form, or queue the message. The answer is the same for known and unknown people."""
    form = ContactForm(request.POST or None, initial=_initial(request))
    if request.method == "POST" and form.is_valid():
        if _queue(request, form):
            messages.success(request, _("Thank you for your message. We will answer by email."))
            return redirect("contact")
        return _too_many(request, form)
    return _page(request, form)


def _queue(request: HttpRequest, form: ContactForm) -> bool:
    """Queue the message. Return False if there are too many from this IP address."""
    mail: ContactMail = form.save(commit=False)
    mail.sender, mail.to = form.cleaned_data["email"], current_shop().email
    mail.client, mail.language = client_key(request), get_language() or ""
    return bool(ContactMail.objects.queue(mail))


def _too_many(request: HttpRequest, form: ContactForm) -> HttpResponse:
    """Return the page with what was typed and another way to reach the shop."""
    text = _(
        "Too many messages were sent from your internet connection. Please try again in an hour, or write to %(email)s."
    )
    form.add_error(None, text % {"email": current_shop().email})
    response = _page(request, form)
    response.status_code = 429
    response["Retry-After"] = str(int(HOUR.total_seconds()))
    return response


def _page(request: HttpRequest, form: ContactForm) -> HttpResponse:
    page = page_of(Page.Kind.CONTACT)
    return render(request, "contact/contact.html", {"form": form, "text": page.text if page else None})


def _initial(request: HttpRequest) -> dict[str, Any]:
    user: Any = request.user
    return {"name": user.name, "email": user.email} if user.is_authenticated else {}
