"""App configuration for the project package, which provides template tags and the `demo` command."""

from django.apps import AppConfig


class EcommerceConfig(AppConfig):
    """Configuration of the `ecommerce` app, which has no concrete models."""

    name = "ecommerce"
