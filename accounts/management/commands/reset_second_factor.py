"""The `reset_second_factor` command: for the last superuser, who has lost the app and the recovery codes."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import AccountMail, SecondFactor, User


class Command(BaseCommand):
    """Removes the second factor of an account, ends its sessions and notifies its owner."""

    help = "Remove the second factor of a member of staff who has lost it and whom no superuser can help."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        try:
            user = User.objects.get_by_natural_key(email)
        except User.DoesNotExist as error:
            raise CommandError("No account has this email address.") from error
        if not SecondFactor.objects.turn_off(user):
            raise CommandError("This account has no second factor.")
        AccountMail.objects.notify(AccountMail.Kind.RESET_FACTOR, user.email, user)
        self.stdout.write("The second factor has been removed.")
