"""Work on email messages."""

from collections import Counter
from collections.abc import Callable, Iterator

from django.db.models import Count, QuerySet, Value
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import AccountMail
from billing.models import CardMail
from core.emails.outbox import OutboxMail
from core.models import ContactMail
from ecommerce.back_office.today.entry import Work, list_url, may_see
from orders.models import Mail, OrderLinkMail, WithdrawalMail

# Each outbox, with the words for a number of messages.
OUTBOXES: dict[type[OutboxMail], Callable[[int], str]] = {
    Mail: lambda number: ngettext("unsent email about an order", "unsent emails about orders", number),
    WithdrawalMail: lambda number: ngettext(
        "unsent email about a withdrawal", "unsent emails about withdrawals", number
    ),
    OrderLinkMail: lambda number: ngettext(
        "unsent email with a link to an order", "unsent emails with links to orders", number
    ),
    AccountMail: lambda number: ngettext("unsent email about an account", "unsent emails about accounts", number),
    CardMail: lambda number: ngettext("unsent email about cards", "unsent emails about cards", number),
    ContactMail: lambda number: ngettext("unsent message from a visitor", "unsent messages from visitors", number),
}


def messages(request: HttpRequest) -> Iterator[Work]:
    """Yield the number of messages from the contact form, which are kept for a day after they were sent."""
    if may_see(request, ContactMail):
        number = ContactMail.objects.count()
        label = ngettext("message from a visitor", "messages from visitors", number)
        notes = (_("Answer the email that the shop sent you."),) if number else ()
        yield Work(number, label, _("No message from a visitor"), list_url(ContactMail), notes)


def undelivered(request: HttpRequest) -> Iterator[Work]:
    """Yield the number of late and refused messages of each outbox that has some, or one line if none has."""
    seen = [model for model in OUTBOXES if may_see(request, model)]
    if not seen:
        return
    numbers = _numbers(seen)
    late = _("Late, or refused in the last 7 days.")
    for model in seen:
        if number := numbers[model._meta.label_lower]:
            url = list_url(model, delivery="undelivered")
            yield Work(number, OUTBOXES[model](number), "", url, (late,))
    if not any(numbers.values()):
        yield Work(0, "", _("No unsent email"), "")


def _numbers(models: list[type[OutboxMail]]) -> Counter[str]:
    """Return the numbers by the names of the models, with one query.

    Late and refused messages are counted apart, because SQLite uses an index for each but none for both.
    """
    first, *others = [rows for model in models for rows in (_count(model, "late"), _count(model, "refused_lately"))]
    numbers = Counter[str]()
    for name, number in first.union(*others, all=True):
        numbers[name] += number
    return numbers


def _count(model: type[OutboxMail], state: str) -> QuerySet[OutboxMail, tuple[str, int]]:
    """Return a query for the name of the model and the number of its messages in this state."""
    rows = getattr(model._default_manager, state)().order_by()
    named = rows.annotate(outbox=Value(model._meta.label_lower)).values("outbox")
    return named.annotate(number=Count("pk")).values_list("outbox", "number")
