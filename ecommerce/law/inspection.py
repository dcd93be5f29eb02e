"""The shop as its visitors see it: rows, and pages and emails that are rendered with a made-up order."""

from functools import cached_property
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.cached_db import SessionStore
from django.core.mail import EmailMultiAlternatives
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.urls import resolve
from django.utils import translation

from accounts.forms import LoginForm
from addresses.countries import EU_COUNTRIES
from carts.models import Cart
from carts.pricing.rules import PricingRules
from carts.views.details import DetailsForms
from core.models import Shop
from core.shop.current import current_shop
from ecommerce.law import sample_order
from ecommerce.law.markup import Markup
from ecommerce.law.regions import UNITED_KINGDOM, Region, regions_of
from orders.models import Withdrawal


class Inspection:
    """One look at the shop. Whatever several checks need is read or rendered once. Nothing is written."""

    def __init__(self) -> None:
        self.languages: dict[str, str] = dict(settings.LANGUAGES)
        self._pages: dict[tuple[str, str], Markup] = {}
        self._emails: dict[str, EmailMultiAlternatives] = {}

    @cached_property
    def shop(self) -> Shop:
        return current_shop()

    @cached_property
    def countries(self) -> list[str]:
        """The codes of the countries that the shop delivers to."""
        return list(PricingRules.cached().destination_codes())

    @cached_property
    def regions(self) -> frozenset[Region]:
        return regions_of(self.countries)

    @cached_property
    def country(self) -> str:
        """The country of the made-up order: one in the EU if the shop serves any, because most duties apply there."""
        in_eu = [code for code in self.countries if code in EU_COUNTRIES]
        return next(iter([*in_eu, *(code for code in self.countries if code == UNITED_KINGDOM), *self.countries]), "")

    def base(self, language: str) -> Markup:
        """Return a page that has only what is on every page."""
        return self._page("base.html", language)

    def cart(self, language: str) -> Markup:
        """Return the cart page."""
        return self._page("carts/cart_home.html", language)

    def details_step(self, language: str) -> Markup:
        """Return the first step of the checkout."""
        return self._page("carts/checkout.html", language, step="details")

    def pay_step(self, language: str) -> Markup:
        """Return the step of the checkout with the button that places the order."""
        return self._page("carts/checkout.html", language, step="pay")

    def confirmation(self, language: str) -> EmailMultiAlternatives:
        """Return the email that confirms the order."""
        if language not in self._emails:
            with translation.override(language):
                self._emails[language] = sample_order.confirmation(self.country, language)
        return self._emails[language]

    def withdrawal_receipt(self, language: str) -> tuple[str, Withdrawal]:
        """Return the text of the receipt of a withdrawal, and the withdrawal."""
        row = sample_order.withdrawal(language)
        return sample_order.receipt(row), row

    def answer(self, url: str) -> HttpResponse:
        """Return what the view of this URL answers to a visitor who has never been here."""
        match = resolve(url)
        response: HttpResponse = match.func(_request(), *match.args, **match.kwargs)
        return response

    def _page(self, template: str, language: str, step: str = "") -> Markup:
        key = (f"{template} {step}", language)
        if key not in self._pages:
            with translation.override(language):
                request = _request()
                context = self._context(request, language, step) if template != "base.html" else {}
                self._pages[key] = Markup(render_to_string(template, context, request))
        return self._pages[key]

    def _context(self, request: HttpRequest, language: str, step: str) -> dict[str, Any]:
        agreement, order = sample_order.agreement(self.country, language)
        context = {"cart": Cart(), "quote": agreement.quote, "order": order, "step": step}
        if step == "details":
            details = DetailsForms(request, None, None, Cart())
            return context | {"details": details, "login_form": LoginForm(auto_id="login-%s")}
        return context | {"agreement": agreement, "cards": [], "can_save_card": True}


def _request() -> HttpRequest:
    """Return the request of a visitor who has never been here."""
    request = RequestFactory().get("/")
    request.user, request.session = AnonymousUser(), SessionStore()
    return request
