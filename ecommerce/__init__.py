"""The project package: settings, root URLs, the home page and operations."""

__version__ = "1.0.0"  # of the shop; the newest released section of CHANGELOG.md has the same
