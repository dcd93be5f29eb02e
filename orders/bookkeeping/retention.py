"""How long the rows of each table are kept. Each table is in exactly one class; a test fails until a new one is.

docs/data-retention.md shows this list. `pruning` deletes what is `Pruned`.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pruned:
    """A table whose rows are deleted by a step of `pruning.STEPS`, or together with a row that it deletes."""

    added_by: str
    kept_for: str
    step: str


@dataclass(frozen=True)
class Kept:
    """A table whose rows no step deletes, and why that is no growth without a bound or without a purpose."""

    added_by: str
    kept_for: str


STAFF = "as long as staff keep them"
WITH_ORDER = "with their order"
WITH_USER = "with their user or group"

# By the label of the model. KEEP_CARTS_DAYS and the like are environment variables, see settings.KEEP_DAYS.
RETENTION: dict[str, Pruned | Kept] = {
    # Visitors and guests
    "sessions.Session": Pruned(
        "visitors with a cart, guests and users who log in", "until they expire (SESSION_COOKIE_AGE)", "sessions"
    ),
    "carts.Cart": Pruned(
        "visitors who add a product",
        "without an account and without a placed order: KEEP_CARTS_DAYS days after the last change; others with their "
        "user or order",
        "anonymous carts",
    ),
    "carts.CartItem": Pruned("visitors who add a product", "with their cart", "anonymous carts"),
    "carts.WrongCode": Pruned(
        "visitors who enter a discount code that does not exist", "one day", "wrong discount codes"
    ),
    "accounts.GuestEmail": Pruned(
        "guests who enter their details",
        "KEEP_GUESTS_DAYS days after they were last entered; longer if a payer with this email address placed an order",
        "guest emails",
    ),
    "billing.BillingProfile": Pruned(
        "users, and guests who enter their details",
        "guests without a placed order: KEEP_GUESTS_DAYS days after they last entered their details, their customer at "
        "Stripe first; erased payers without an order: until Stripe has deleted the customer and their card attempts "
        "are deleted; others with their user or orders",
        "guests and erased payers",
    ),
    "addresses.Address": Pruned(
        "shoppers who enter or edit a postal address", "with their billing profile", "guests and erased payers"
    ),
    "billing.Card": Pruned(
        "shoppers who enter a card",
        "with their billing profile; an unsaved card is detached at Stripe with its order or after an hour",
        "guests and erased payers",
    ),
    "billing.CardAttempt": Pruned(
        "shoppers who enter a card or pay", "one day, and until Stripe's cards are checked", "card attempts"
    ),
    "billing.CardMail": Pruned(
        "guests who confirm their email address to pay, and alerts about many declined cards",
        "two days, sent or not",
        "emails about cards",
    ),
    "billing.RateCounter": Pruned(
        "visitors whose requests call Stripe or send email", "an hour after their first request", "rate counters"
    ),
    # Accounts
    "accounts.AccountMail": Pruned(
        "requests for a link, changed email addresses and passwords, and many wrong passwords",
        "KEEP_ACCOUNT_EMAILS_DAYS days, sent or not",
        "account emails",
    ),
    "accounts.TakenSignup": Pruned(
        "sign-ups with an email address that has an account", "KEEP_SIGN_INS_DAYS days", "rejected sign-ups"
    ),
    "axes.AccessAttempt": Pruned("wrong passwords", "KEEP_SIGN_INS_DAYS days after the last one", "sign-in attempts"),
    "axes.AccessAttemptExpiration": Pruned("not used", "with its attempt", "sign-in attempts"),
    "axes.AccessLog": Pruned("not used", "KEEP_SIGN_INS_DAYS days", "sign-in logs"),
    "axes.AccessFailureLog": Pruned("not used", "KEEP_SIGN_INS_DAYS days", "sign-in failure logs"),
    "accounts.PasswordTry": Pruned("wrong passwords", "one day", "password tries"),
    "accounts.SignIn": Pruned("users who log in", "until their session is over", "sign-ins"),
    "accounts.User": Kept("people who sign up, and staff", "until the account is deleted"),
    "accounts.EarlierEmail": Kept("users who change their email address", "with their user"),
    "accounts.SecondFactor": Kept("staff who set one up", "until it is turned off or reset, or with their user"),
    "accounts.RecoveryCode": Kept("staff who set up a second factor", "until they are used or replaced"),
    "accounts.User_groups": Kept("staff", WITH_USER),
    "accounts.User_user_permissions": Kept("staff", WITH_USER),
    # Messages to the shop
    "core.ContactMail": Pruned(
        "visitors who write on the contact page, within a limit for each IP address",
        "a day after they were written if they were sent; others 30 days",
        "messages to the shop",
    ),
    # Orders
    "orders.Order": Kept(
        "shoppers who check out",
        "placed: for bookkeeping, without personal data after an erasure; open: with the cart or the guest, or if "
        "another open order replaced it, KEEP_CARTS_DAYS days after its last change; the hashed IP address and session "
        "of an order: until it is paid, or for one day",
    ),
    "orders.OrderItem": Kept("placed orders", WITH_ORDER),
    "orders.OrderEvent": Kept("steps of placed orders", WITH_ORDER),
    "orders.Correction": Kept("staff", f"{WITH_ORDER}, without the values after an erasure"),
    "orders.OrderNote": Kept("staff", f"{WITH_ORDER}, without the text after an erasure"),
    "orders.OrderWords": Kept("placed orders", f"{WITH_ORDER}, without personal data after an erasure"),
    "orders.Mail": Kept("steps of placed orders", f"{WITH_ORDER}, as a record of what was sent"),
    "orders.Payment": Kept("clicks on Pay, within the limits on card attempts", WITH_ORDER),
    "orders.Refund": Kept("staff, and charges that match no order", WITH_ORDER),
    "orders.Shipment": Kept("staff", WITH_ORDER),
    "orders.Dispute": Kept("cardholders", WITH_ORDER),
    "orders.Withdrawal": Kept(
        "people who withdraw from a contract",
        "as a record of what was declared; what was typed: with the personal data of the order, or without an order "
        "WITHDRAWAL_RETENTION_DAYS days; the hashed IP address: one day",
    ),
    "orders.WithdrawalMail": Kept("withdrawals", "with their withdrawal, as a record of what was sent"),
    "orders.OrderLinkMail": Pruned(
        "requests for a link to an order", "two days, sent or not", "emails with links to orders"
    ),
    "orders.CustomerNote": Kept("staff", "until the person is erased, or with the billing profile"),
    "products.StockMovement": Kept("placed orders, and staff", "with their product, because their sum is its stock"),
    # Stripe
    "billing.StripeEvent": Pruned(
        "webhook requests of Stripe",
        "KEEP_STRIPE_EVENTS_DAYS days after they were processed; unprocessed ones until they are",
        "Stripe events",
    ),
    # Background work
    "django_tasks_database.DBTaskResult": Pruned(
        "work for a worker", "finished: one day; others, which a killed worker left: a week", "background tasks"
    ),
    "core.BackgroundRun": Kept("reconcile", "one for each kind of run"),
    "core.GuaranteeNotice": Kept("staff", STAFF),
    # The catalog and its rules
    "core.Shop": Kept("the first migration", "one row"),
    "core.PageVersion": Kept("changes of the catalog", "one for each URL of a product or category that ever existed"),
    "core.Page": Kept("staff", STAFF),
    "core.PageText": Kept(
        "staff who publish a page or change facts about the shop", "as a record of what shoppers agreed to"
    ),
    "products.Category": Kept("staff", STAFF),
    "products.Product": Kept("staff", STAFF),
    "products.Picture": Kept("staff", "with their product"),
    "products.HomeSection": Kept("staff", STAFF),
    "products.Spelling": Kept(
        "new words in titles of products", "until `manage.py index_products` finds no product with the word"
    ),
    "carts.ShippingMethod": Kept("staff", STAFF),
    "carts.TaxRate": Kept("staff", STAFF),
    "carts.Discount": Kept("staff", STAFF),
    "orders.Carrier": Kept("staff", STAFF),
    # Django
    "admin.LogEntry": Kept("changes in the admin", "as a record of who changed what; their user cannot be deleted"),
    "auth.Group": Kept("staff", STAFF),
    "auth.Group_permissions": Kept("staff", WITH_USER),
    "accounts.Role": Kept("the first migration", "one for each role that the shop knows"),
    "auth.Permission": Kept("migrations", "fixed by the code"),
    "contenttypes.ContentType": Kept("migrations", "fixed by the code"),
    "migrations.Migration": Kept("migrations", "fixed by the code"),
}
