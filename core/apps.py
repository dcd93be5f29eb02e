"""Configuration of the core app."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """The app with the code that all apps share, such as template tags and abstract models."""

    name = "core"
