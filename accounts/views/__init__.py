"""Pages of the accounts app."""

from accounts.views.sign_in import user_guest, user_login, user_logout, user_signup

__all__ = ["user_guest", "user_login", "user_logout", "user_signup"]
