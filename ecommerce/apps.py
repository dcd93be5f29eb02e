"""App configuration for the project package, which provides the `demo` and `stripe_simulator` commands."""

from django.apps import AppConfig
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import InvalidStorageError, storages


class EcommerceConfig(AppConfig):
    """Configuration of the `ecommerce` app, which has no concrete models."""

    name = "ecommerce"

    def ready(self) -> None:
        """Reject unsafe settings, and a storage that does not exist, at the start. Register checks and placeholders."""
        from ecommerce.operations import checks
        from ecommerce.shared_pages import placeholders

        checks.reject_unsafe_settings()
        placeholders.register()
        try:
            storages["default"]
        except InvalidStorageError as error:
            raise ImproperlyConfigured(f"MEDIA_STORAGE must be the dotted path of a storage class. {error}") from error
