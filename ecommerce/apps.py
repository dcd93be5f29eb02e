"""App configuration for the project package, which provides the `demo` and `stripe_simulator` commands."""

from django.apps import AppConfig


class EcommerceConfig(AppConfig):
    """Configuration of the `ecommerce` app, which has no concrete models."""

    name = "ecommerce"
