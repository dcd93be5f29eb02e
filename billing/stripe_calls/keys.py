"""The kinds of Stripe's API keys: secret, restricted and publishable ones, for tests or live. Live keys move money."""

TEST = ("sk_test", "rk_test", "pk_test")
LIVE = ("sk_live", "rk_live", "pk_live")


def is_test(key: str) -> bool:
    """Return whether this is a key for tests."""
    return key.startswith(TEST)


def is_live(key: str) -> bool:
    """Return whether this is a live key."""
    return key.startswith(LIVE)
