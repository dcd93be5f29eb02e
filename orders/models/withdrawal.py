"""Declarations of withdrawal from a contract (Directive 2011/83, Article 11a)."""

import hashlib
import json
import secrets
from datetime import UTC
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.models import GuardedModel
from orders.models import columns
from orders.numbers import ALPHABET

MAX_NAME, MAX_ORDER_NUMBER, MAX_ITEMS = 80, 40, 500  # characters that can be typed


def new_withdrawal_number() -> str:
    """Return a random reference that cannot be mistaken for an order number."""
    return "W" + "".join(secrets.choice(ALPHABET) for _ in range(8))


class WithdrawalQuerySet(models.QuerySet["Withdrawal"]):
    def unmatched(self) -> Self:
        """Return the declarations without an order."""
        return self.filter(order=None)

    def awaiting_assignment(self) -> Self:
        """Return the declarations about items that were typed and that staff have not assigned to lines."""
        return self.filter(is_whole_order=False, is_from_order_page=False, assigned_at=None, closed_at=None)

    def to_match(self) -> Self:
        """Return the declarations for which no order was looked up yet."""
        return self.filter(is_checked=False)

    def erase(self) -> int:
        """Clear everything that was typed, and drop unsent receipts. Return how many declarations had any text left."""
        found = list(self.exclude(**dict.fromkeys(columns.TYPED, "")).values_list("pk", flat=True))
        Withdrawal.objects.filter(pk__in=found).update(**dict.fromkeys(columns.TYPED, ""), ip="")
        for withdrawal in Withdrawal.objects.filter(pk__in=found):
            receipts = withdrawal.mails.receipts()
            receipts.filter(sent=None, dropped=None).update(dropped=timezone.now())
            receipts.update(to="")
        return len(found)


class Withdrawal(GuardedModel):
    """A declaration of withdrawal as it was made. Nobody rejects one, whether or not its order exists.

    Afterwards, the row only changes by what staff add and by an erasure.
    """

    columns = columns.WITHDRAWAL

    number = models.CharField(_("withdrawal number"), max_length=12, unique=True, default=new_withdrawal_number)
    order = models.ForeignKey(
        "orders.Order", models.PROTECT, null=True, blank=True, related_name="withdrawals", verbose_name=_("order")
    )
    is_whole_order = models.BooleanField(_("whole order"))
    units = models.JSONField(
        _("units by order line"), default=dict, blank=True,
        help_text=_("Ticked on the order page, or assigned by staff."),
    )  # fmt: skip
    is_from_order_page = models.BooleanField(_("declared on the order page"), default=False)
    name = models.CharField(_("name"), max_length=MAX_NAME, blank=True)
    order_number = models.CharField(_("order number as entered"), max_length=MAX_ORDER_NUMBER, blank=True)
    email = models.EmailField(_("email"), blank=True)
    items = models.CharField(_("items as entered"), max_length=MAX_ITEMS, blank=True)
    language = models.CharField(_("language"), max_length=12)
    declared_at = models.DateTimeField(_("declared"), default=timezone.now)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    checksum = models.CharField(max_length=80, editable=False)
    ip = models.CharField(_("IP address (hashed)"), max_length=64, blank=True, editable=False)
    is_checked = models.BooleanField(default=False, editable=False)  # whether the order was looked up
    assigned_by = models.CharField(_("assigned by"), max_length=254, blank=True)
    assigned_at = models.DateTimeField(_("assigned"), null=True, blank=True)
    arrived_at = models.DateTimeField(
        _("items arrived"), null=True, blank=True, help_text=_("The items, or proof that they were posted.")
    )
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    closed_by = models.CharField(_("closed by"), max_length=254, blank=True)

    objects: ClassVar[Any] = WithdrawalQuerySet.as_manager()

    class Meta:
        verbose_name = _("withdrawal")
        verbose_name_plural = _("withdrawals")
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["ip", "declared_at"], condition=~Q(ip=""), name="withdrawal_of_ip"),
            models.Index(fields=["declared_at"], condition=Q(order=None), name="withdrawal_unmatched"),
            models.Index(fields=["declared_at"], condition=Q(is_checked=False), name="withdrawal_to_match"),
            models.Index(fields=["declared_at"], condition=Q(closed_at=None), name="withdrawal_open"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def awaits_assignment(self) -> bool:
        """Whether staff have to assign typed items to lines of an order."""
        is_typed = not self.is_whole_order and not self.is_from_order_page
        return is_typed and self.assigned_at is None and self.closed_at is None

    @property
    def is_erased(self) -> bool:
        return not self.email

    @property
    def is_intact(self) -> bool:
        """Whether the columns that the checksum covers are still what they were when the withdrawal was declared."""
        return self.checksum == self.compute_checksum()

    def compute_checksum(self) -> str:
        """Return the checksum of what was declared, without the columns that an erasure clears.

        The units are included if they were ticked, because staff assign the others later.
        """
        data = [self.number, self.is_whole_order, self.is_from_order_page, self.language]
        ticked = sorted(self.units.items()) if self.is_from_order_page else []
        text = json.dumps([*data, str(self.declared_at.astimezone(UTC)), self.digest, ticked])
        return f"v1:{hashlib.sha256(text.encode()).hexdigest()}"
