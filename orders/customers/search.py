"""The search of staff for customers: by email address, name, and everything by which their orders are found."""

from django.db.models import Q, QuerySet
from django.db.models.functions import Lower

from accounts.models import User
from billing.models import BillingProfile
from core.text.words import words_of
from orders.models import Order
from orders.search.engine import search_orders
from products.search.text import MAX_TEXT_LENGTH, Term, terms_of

MAX_FOUND = 1000  # orders and accounts that a search uses, the newest first


def search_customers(rows: QuerySet[BillingProfile], text: str) -> QuerySet[BillingProfile]:
    """Return the customers whose email address contains the text, whose name has its words, or whose orders do.

    `rows` are those of `customers()`. A text that is an id of a Stripe customer finds it.
    """
    text = text.replace("\0", "").strip()[:MAX_TEXT_LENGTH]
    orders = search_orders(Order.objects.placed(), text).order_by("-pk")
    columns = ("billing_profile", "account", Lower("billing_profile__email"))
    found = list(orders.values_list(*columns)[:MAX_FOUND])
    profiles, accounts, emails = ({row[number] for row in found} for number in range(3))
    of_orders = Q(pk__in=profiles) | Q(user__in=accounts - {None}) | Q(user=None, lower_email__in=emails - {""})
    matches = Q(email__icontains=text) | Q(customer_id=text) | Q(user__in=_accounts_named(text))
    return rows.filter(of_orders | matches)


def _accounts_named(text: str) -> list[int]:
    """Return the accounts whose name contains all words of the text, also without accents.

    The names are compared here, because the databases differ in the case and the accents of letters outside ASCII.
    """
    terms = terms_of(text)
    if not terms:
        return []
    names = User.objects.exclude(name="").order_by("-pk").values_list("pk", "name")
    found = (pk for pk, name in names.iterator() if _contains(frozenset(words_of(name).split()), terms))
    return [pk for pk, _number in zip(found, range(MAX_FOUND), strict=False)]


def _contains(words: frozenset[str], terms: list[Term]) -> bool:
    return all(
        words & term.words or any(word.startswith(tuple(term.prefixes)) for word in words if term.prefixes)
        for term in terms
    )
