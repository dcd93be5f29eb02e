"""App configuration for orders."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OrdersConfig(AppConfig):
    """Configuration of the orders app."""

    name = "orders"
    verbose_name = _("Orders")

    def ready(self) -> None:
        """Connect the signal receivers. The webhook's signal is connected directly to the payment workflow."""
        from billing.signals import stripe_event
        from orders import signals  # noqa: F401
        from orders.workflow import payments

        stripe_event.connect(payments.settle_on_event, dispatch_uid="settle_on_stripe_event")
