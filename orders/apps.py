"""What was ordered, paid and sent."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OrdersConfig(AppConfig):
    """Connects the signals."""

    name = "orders"
    verbose_name = _("Orders")

    def ready(self) -> None:
        """Connect the signal receivers; the webhook's signal goes straight to the payment workflow."""
        from billing.signals import stripe_event
        from orders import payments, signals  # noqa: F401

        stripe_event.connect(payments.settle_on_event, dispatch_uid="settle_on_stripe_event")
