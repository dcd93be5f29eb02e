"""A limit for search texts in the admin."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

MAX_LENGTH = 200


class SearchTextMixin(admin.ModelAdmin):
    """A model admin that accepts any search text, also in the choices of an autocomplete field."""

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Search for the beginning of a long text: SQLite refuses conditions for thousands of words.

        PostgreSQL refuses NUL characters.
        """
        return super().get_search_results(request, queryset, search_term.replace("\0", "")[:MAX_LENGTH])
