"""What an erasure does with each text column of each table, and what stays for how long.

The columns of orders, payments, refunds, shipments, disputes, withdrawals, carts and cards are declared in their
models. All others are declared here. `tests/test_columns.py` fails until a new text column is declared.
"""

from dataclasses import dataclass, field

from django.db.models import Model
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.columns import Columns


@dataclass(frozen=True)
class Texts:
    """The text columns of a model. Each is in exactly one class.

    - `personal`: an erasure empties them or deletes the row.
    - `free_text`: they can mention a person. An erasure removes what identifies the person, or all of the text.
    - `not_personal`: they identify nobody.
    """

    personal: tuple[str, ...] = ()
    free_text: tuple[str, ...] = ()
    not_personal: tuple[str, ...] = ()


ATTEMPT = ("username", "ip_address", "user_agent", "http_accept", "path_info")
# By the label of the model.
TEXTS: dict[str, Texts] = {
    "accounts.User": Texts(personal=("email", "email_verified", "name", "password"), not_personal=("language",)),
    "accounts.SignIn": Texts(personal=("session_key", "browser", "system")),
    "accounts.EarlierEmail": Texts(personal=("email",)),
    "accounts.GuestEmail": Texts(personal=("email",)),
    "accounts.AccountMail": Texts(personal=("to",), not_personal=("client", "language", "refusal")),
    "accounts.PasswordTry": Texts(not_personal=("account", "device")),
    "accounts.Role": Texts(not_personal=("name", "granted")),
    "accounts.SecondFactor": Texts(not_personal=("key",)),
    "accounts.RecoveryCode": Texts(not_personal=("digest",)),
    "accounts.TakenSignup": Texts(not_personal=("client",)),
    "billing.BillingProfile": Texts(personal=("email", "customer_email", "rejected_email", "customer_id")),
    "billing.CardAttempt": Texts(not_personal=("address", "session", "source")),
    "carts.WrongCode": Texts(not_personal=("address", "session")),
    "billing.CardMail": Texts(personal=("to",), not_personal=("about", "order_number", "language", "refusal")),
    "billing.RateCounter": Texts(not_personal=("key",)),
    "billing.StripeEvent": Texts(not_personal=("stripe_id", "type", "object_id", "error")),
    "addresses.Address": Texts(
        personal=(
            "name", "line_1", "line_2", "city", "city_area", "state", "postal_code", "sorting_code", "country",
        ),
    ),
    "orders.Mail": Texts(personal=("to",), not_personal=("about", "message_id", "refusal")),
    "orders.WithdrawalMail": Texts(personal=("to",), not_personal=("refusal",)),
    "orders.OrderLinkMail": Texts(personal=("to",), not_personal=("order_number", "client", "language", "refusal")),
    "orders.Correction": Texts(personal=("old", "new"), free_text=("by",)),
    "orders.OrderNote": Texts(personal=("text",), free_text=("by",)),
    "orders.CustomerNote": Texts(personal=("text",), free_text=("by",)),
    "orders.OrderEvent": Texts(free_text=("text", "translations", "by")),
    "orders.OrderWords": Texts(free_text=("words",)),
    "products.StockMovement": Texts(free_text=("by",), not_personal=("order",)),
    "core.GuaranteeNotice": Texts(not_personal=("language", "picture", "text")),
    "core.PageVersion": Texts(not_personal=("name",)),
    "core.Shop": Texts(  # the seller says all of it in public
        not_personal=(
            "name", "logo", "announcement", "tagline", "description", "home_title", "home_text", "home_picture",
            "sender_name", "support_hours", "legal_name", "legal_form", "street", "postcode", "city", "country",
            "email", "phone", "register", "register_number", "vat_id", "responsible_person", "disputes_text",
            "packaging_number", "battery_number", "electrical_number", "other_lines",
        ),
    ),
    "core.Page": Texts(not_personal=("slug", "language", "title", "draft")),
    "core.PageText": Texts(not_personal=("language", "title", "source", "text")),
    "core.ContactMail": Texts(
        personal=("name", "sender", "order_number", "message"), not_personal=("to", "language", "client", "refusal")
    ),
    "products.Product": Texts(
        not_personal=(
            "image", "image_alt", "sku", "title", "slug", "description", "group", "option", "choice", "second_option",
            "withdrawal_exclusion", "second_choice", "title_words", "sku_words", "description_words",
        ),
    ),
    "products.Spelling": Texts(not_personal=("key", "word")),
    "products.Category": Texts(not_personal=("title", "slug")),
    "products.Picture": Texts(not_personal=("image", "image_alt")),
    "products.HomeSection": Texts(not_personal=("title", "text", "skus", "image", "image_alt", "tall_picture")),
    "carts.ShippingMethod": Texts(not_personal=("title", "countries")),
    "carts.TaxRate": Texts(not_personal=("title", "country", "region")),
    "carts.Discount": Texts(not_personal=("code",)),
    "orders.Carrier": Texts(not_personal=("name", "tracking_pattern")),
    "admin.LogEntry": Texts(free_text=("object_repr", "change_message"), not_personal=("object_id",)),
    "auth.Permission": Texts(not_personal=("name", "codename")),
    "auth.Group": Texts(not_personal=("name",)),
    "contenttypes.ContentType": Texts(not_personal=("app_label", "model")),
    "sessions.Session": Texts(personal=("session_key", "session_data")),
    "axes.AccessAttempt": Texts(personal=(*ATTEMPT, "get_data", "post_data")),
    "axes.AccessFailureLog": Texts(personal=ATTEMPT),
    "core.BackgroundRun": Texts(not_personal=("name",)),
    # Arguments of tasks are primary keys, ids of Stripe and times.
    "django_tasks_database.DBTaskResult": Texts(
        not_personal=(
            "args_kwargs", "task_path", "worker_ids", "queue_name", "backend_name", "return_value",
            "exception_class_path", "traceback",
        )
    ),
    "axes.AccessLog": Texts(personal=(*ATTEMPT, "session_hash")),
}  # fmt: skip


def texts_of(model: type[Model]) -> Texts:
    """Return the declared text columns of a model. A model without a declaration has none."""
    columns: Columns | None = getattr(model, "columns", None)
    if model._meta.label in TEXTS or columns is None:
        return TEXTS.get(model._meta.label, Texts())
    return Texts(columns.personal, columns.free_text, columns.not_personal)


@dataclass(frozen=True)
class Retained:
    """Columns that an erasure leaves for a while, by the label of the model, and until when, for staff."""

    until: str | Promise
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)


_OF_ORDER = {
    "orders.Order": (
        "email",
        "shipping_address_text",
        "billing_address_text",
        "phone",
        "buyer_note",
        "gift_message",
        "attention",
    ),
    "orders.OrderEvent": ("text", "translations"),
    "orders.Correction": ("old", "new"),
    "orders.OrderNote": ("text",),
    "orders.OrderWords": ("words",),
    "orders.Payment": ("message",),
    "orders.Refund": ("reason", "message"),
    "orders.Shipment": ("tracking",),
    "orders.Mail": ("to",),
    "orders.Withdrawal": ("name", "email", "order_number", "items"),
    "orders.WithdrawalMail": ("to",),
    "admin.LogEntry": ("object_repr", "change_message"),
}
RETAINED = (
    Retained(
        _("The details of an order that is paid but not yet shipped: until it is shipped, for 30 days at most."),
        _OF_ORDER,
    ),
    Retained(
        _("The details of an order with an open dispute or inquiry, and its customer at Stripe: until it is closed."),
        _OF_ORDER | {"billing.BillingProfile": ("customer_id",), "billing.Card": ("brand", "country", "last4")},
    ),
    Retained(
        _("The customer at Stripe, if Stripe does not answer now: until reconcile has deleted it."),
        {"billing.BillingProfile": ("customer_id",), "billing.Card": ("brand", "country", "last4")},
    ),
    Retained(
        _(
            "Number, dates, items, amounts, countries and payment references of orders: as long as the law on "
            "bookkeeping requires. They do not identify the person."
        ),
    ),
    Retained(_("What a member of staff did: in the log, under the number of the account instead of a name.")),
)
