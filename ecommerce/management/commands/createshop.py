"""The `createshop` command: a new shop that is closed until its owner opens it in the admin."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from core.page_cache.versions import collect_touches
from core.shop.current import stored_shop
from core.shop.models import Shop
from orders.models import Order

REQUIRED = ("name", "legal_name", "street", "postcode", "city", "country", "email")
OPTIONAL = ("legal_form", "phone", "register", "register_number", "vat_id", "responsible_person")
NAMES = (*REQUIRED, *OPTIONAL)


class Command(BaseCommand):
    """Asks for the facts about the seller, or takes them from options, and closes the shop."""

    help = "Enter who sells, and close the shop until it is ready. Run it once, after the first migrate."

    def add_arguments(self, parser: CommandParser) -> None:
        for name in NAMES:
            parser.add_argument(f"--{name.replace('_', '-')}", help=_label(name))
        parser.add_argument("--no-input", action="store_false", dest="interactive", help="ask nothing")

    def handle(self, *args: Any, interactive: bool, **options: Any) -> None:
        if Order.objects.placed().exists():
            raise CommandError("This shop has orders already, so it stays open. Close it in the admin if you want to.")
        with transaction.atomic(), collect_touches():
            shop = stored_shop()
            for name in NAMES:
                self._fill(shop, name, options[name], interactive)
            shop.is_open = False
            shop.save()
        self.stdout.write(f"{shop.name} is closed. Staff see it; visitors do not. Open it in the admin under Shop.")

    def _fill(self, shop: Shop, name: str, value: str | None, interactive: bool) -> None:
        """Set a field from the option, or else from an answer. Ask again after an invalid answer."""
        if value is not None or not interactive:
            value = getattr(shop, name) if value is None else value
            if message := _set(shop, name, value):
                raise CommandError(f"--{name.replace('_', '-')}: {message}")
            return
        current = getattr(shop, name)
        question = f"{_label(name)}{f' [{current}]' if current else ''}: "
        while message := _set(shop, name, input(question).strip() or current):
            self.stderr.write(message)


def _set(shop: Shop, name: str, value: str) -> str:
    """Set the field and return an empty string, or return why the value is invalid."""
    setattr(shop, name, value)
    if name in REQUIRED and not value:
        return "This is required."
    try:
        shop.clean_fields(exclude=[field.name for field in shop._meta.fields if field.name != name])
        shop.clean()
    except ValidationError as error:
        return " ".join(error.messages)
    return ""


def _label(name: str) -> str:
    field = Shop._meta.get_field(name)
    return f"{field.verbose_name}. {field.help_text}".removesuffix(". ")  # type: ignore[union-attr]
