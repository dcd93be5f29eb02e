"""The project package as an app: its template tags, its `demo` command."""

from django.apps import AppConfig


class EcommerceConfig(AppConfig):
    """Holds no models."""

    name = "ecommerce"
