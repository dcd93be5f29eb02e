"""Configuration of the core app."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """The shared ground of all apps: template tags and abstract models."""

    name = "core"
