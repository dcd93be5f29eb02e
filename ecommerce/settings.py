"""Django settings, read from the environment or a .env file. The defaults are meant for development."""

import os
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import bootstrap_wrapper
import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from addresses.countries import NON_DESTINATIONS
from addresses.country_rules import known_countries
from core.emails.addresses import format_address
from core.times import is_time_zone
from ecommerce import environment as read
from ecommerce.environment import setting

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")
VAR_DIR = setting("VAR_DIR", str(BASE_DIR / "var"), read.folder_of)  # everything that a running shop writes

DEBUG = setting("DEBUG", "on", read.debug_of, keep_blank=True)


def required_env(name: str, default: str) -> str:
    """Return the environment variable `name`, or `default` if it is not set and DEBUG is on.

    Raise ImproperlyConfigured if it is not set and DEBUG is off.
    """
    value = env.str(name, "").strip()
    if not value and not DEBUG:
        raise ImproperlyConfigured(f"DEBUG is off and {name} is not set. See .env.example.")
    return value or default


# The site
SITE_NAME = setting("SITE_NAME", "Hearth & Clay", read.name_of)
LAST_RUN_FILE = VAR_DIR / "last_run.json"  # written by the `demo` command, so that other commands find its processes
_last_run = read.read_last_run(LAST_RUN_FILE)
SITE_URL = setting(
    "SITE_URL", required_env("SITE_URL", _last_run.get("SITE_URL", "http://127.0.0.1:8000")), read.url_of
)
SITE_HOST = urlsplit(SITE_URL).hostname or ""
LOOPBACK_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
IS_TLS = SITE_URL.startswith("https://")
DEVELOPMENT_KEY = "for-development-only-" + "x" * 40
SECRET_KEY = required_env("SECRET_KEY", DEVELOPMENT_KEY)
# Former keys, separated by commas: what they have signed stays valid. Add the old key when you change SECRET_KEY.
SECRET_KEY_FALLBACKS = [key.strip() for key in env.str("SECRET_KEY_FALLBACKS", "").split(",") if key.strip()]
_hosts = ",".join([*LOOPBACK_HOSTS, f"[{SITE_HOST}]" if ":" in SITE_HOST else SITE_HOST])
ALLOWED_HOSTS = setting("ALLOWED_HOSTS", required_env("ALLOWED_HOSTS", _hosts), read.hosts_of)
TRUSTED_PROXIES = setting("TRUSTED_PROXIES", "0", read.number_of(0, 10))  # our proxies that append to X-Forwarded-For
EMAIL_DEFAULTS = {"SUPPORT_EMAIL": "help@shop.example", "DEFAULT_FROM_EMAIL": "shop@shop.example"}  # nobody reads them
SUPPORT_EMAIL = setting("SUPPORT_EMAIL", EMAIL_DEFAULTS["SUPPORT_EMAIL"], read.email_of)
STAFF_EMAIL = setting(  # receives emails about orders; empty: no staff emails
    "STAFF_EMAIL", SUPPORT_EMAIL, read.optional_email_of, keep_blank=True
)

INSTALLED_APPS = [
    "core.admin_site.ShopAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "crispy_forms",
    "crispy_bootstrap5",
    "csp",
    "axes",
    "core",
    "ecommerce",
    "products",
    "accounts",
    "billing",
    "addresses",
    "carts",
    "orders",
]
MIDDLEWARE = [
    "ecommerce.operations.probes.ProbeMiddleware",  # before all others: a probe has no host name or session
    "billing.middleware.StripeCallLimitMiddleware",  # before the work after a response, which also calls Stripe
    "core.middleware.AfterResponseMiddleware",  # outermost, so that it has the response that is sent
    "core.middleware.VersionsMiddleware",  # before all middleware that reads versions
    "ecommerce.shared_pages.middleware.SharedPageMiddleware",  # answers from the page cache before all others
    # These two come before the rest, so that static files, redirects and errors of the others also get their headers.
    "core.middleware.HeadersMiddleware",
    "csp.middleware.CSPMiddleware",
    "core.middleware.LanguageMiddleware",  # before all middleware that can answer with text
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "ecommerce.operations.maintenance.MaintenanceMiddleware",  # before all middleware that needs the database
    "core.middleware.RejectNulMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "ecommerce.shared_pages.prefetch.PrefetchMiddleware",  # after session and messages
    "core.middleware.NotAllowedMiddleware",  # after session and authentication, because its page shows the visitor
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "accounts.middleware.ErasedAccountMiddleware",
    "billing.middleware.PaymentTimeLimitMiddleware",
    "billing.middleware.TooManyRequestsMiddleware",
    "axes.middleware.AxesMiddleware",  # answers with the 429 page when sign-in is locked out; no queries
]
ROOT_URLCONF = "ecommerce.urls"
WSGI_APPLICATION = "ecommerce.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "ecommerce.context_processors.shop",
            ],
            "builtins": ["core.templatetags.shop", "core.templatetags.page_cache"],
        },
    }
]
CRISPY_ALLOWED_TEMPLATE_PACKS = CRISPY_TEMPLATE_PACK = "bootstrap5"

# Database and cache
_database = f"sqlite:///{quote(str(VAR_DIR / 'shop.sqlite3'))}"
DATABASES: dict[str, Any] = {"default": setting("DATABASE_URL", _database, read.database_of, is_secret=True)}
# Each thread keeps its connection for so many seconds. A request whose connection was lost opens another one.
DATABASES["default"].setdefault("CONN_MAX_AGE", setting("CONN_MAX_AGE", "600", read.number_of(0, 86_400)))
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
if DATABASES["default"]["ENGINE"] == read.SQLITE:
    # Tests use a file too, because the shared in-memory database raises "table is locked" in a second thread.
    DATABASES["default"]["TEST"] = {"NAME": VAR_DIR / "test.sqlite3"}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Shops on one cache server have different keys. The servers of one shop share theirs.
CACHES = {"default": {"KEY_PREFIX": SITE_URL} | setting("CACHE_URL", "locmemcache://", read.cache_of, is_secret=True)}
# Whole pages of the catalog, see core.page_cache. wsgi.py, asgi.py and `demo` turn this on unless PAGE_CACHE is off.
PAGE_CACHE = setting("PAGE_CACHE", os.environ.get("PAGE_CACHE_DEFAULT", "off"), read.switch_of)
PAGE_CACHE_ENTRIES = setting("PAGE_CACHE_ENTRIES", "1000", read.number_of(10, 1_000_000))
PAGE_CACHE_SLOTS = 0  # on the cache server, if the shop has one; processes always keep pages in their memory too
if read.is_redis(CACHES["default"]):
    CACHES["pages"], PAGE_CACHE_SLOTS = read.page_cache_of(CACHES["default"]), PAGE_CACHE_ENTRIES

# Visitors
AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "home"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_RESET_TIMEOUT = 60 * 60
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
# Ten wrong passwords for an email address from one IP address lock sign-in for a while, see accounts.throttle.
AXES_HANDLER = "accounts.throttle.SignInHandler"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_USERNAME_FORM_FIELD = "username"
AXES_USERNAME_CALLABLE = "accounts.throttle.get_axes_username"
AXES_CLIENT_IP_CALLABLE = "core.http.client_ip"
AXES_LOCKOUT_CALLABLE = "accounts.throttle.lockout_response"
AXES_SENSITIVE_PARAMETERS = ["username"]  # users might type their password there; the log has the IP address
AXES_VERBOSE = AXES_ENABLE_ADMIN = False  # accounts.admin has its own list of attempts
AXES_DISABLE_ACCESS_LOG = True  # do not record when users sign in
SESSION_ENGINE = "accounts.sessions"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 30
# Browsers accept __Host- cookies only from this host over HTTPS, not from another subdomain.
_prefix = "__Host-" if IS_TLS else ""
# They send cookies to all ports of a host. Shops on several ports of one machine have cookies of different names.
_port = urlsplit(SITE_URL).port
_suffix = f"_{_port}" if _port not in (None, 8000) else ""
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = f"{_prefix}sessionid{_suffix}", f"{_prefix}csrftoken{_suffix}"
MESSAGES_COOKIE_NAME, LANGUAGE_COOKIE_NAME = f"{_prefix}messages{_suffix}", f"{_prefix}django_language{_suffix}"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = IS_TLS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
MESSAGE_STORAGE = "core.message_storage.MessageStorage"

# Languages and time zone
LANGUAGES = [("en-gb", "English"), ("de", "Deutsch")]  # each by its own name; another one needs a folder in locale/
# For the catalog and staff, and the fallback for visitors.
LANGUAGE_CODE = setting("LANGUAGE_CODE", "en-gb", read.choice_of(code for code, _name in LANGUAGES))
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_AGE = 60 * 60 * 24 * 365  # visitors who never choose a language get no cookie
TIME_ZONE = env.str("TIME_ZONE", "").strip() or "Europe/London"  # of all times that the shop shows; rows store UTC
if not is_time_zone(TIME_ZONE):
    raise ImproperlyConfigured(f"TIME_ZONE is not a time zone: {TIME_ZONE!r}. Set it to a name such as Europe/London.")
USE_TZ = True
FORMAT_MODULE_PATH = "core.formats"

# Files
STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "ecommerce.staticfiles.BootstrapFinder",
]
BOOTSTRAP_DIR = bootstrap_wrapper.get_bootstrap_dir()
MEDIA_URL = "media/"
MEDIA_ROOT = env.str("MEDIA_ROOT", "").strip() or str(VAR_DIR / "media")
_files = "django.core.files.storage.FileSystemStorage"
STORAGES = {
    "default": {"BACKEND": env.str("MEDIA_STORAGE", "").strip() or _files},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_MIMETYPES = {"speculation-rules.json": "application/speculationrules+json"}
WHITENOISE_ROOT = BASE_DIR / "static" / "root"  # files that browsers request at the root, such as /favicon.ico

# Email: files in var/mail by default, else EMAIL_URL
_mail = f"filemail:///{quote(str(VAR_DIR / 'mail'))}"
vars().update(setting("EMAIL_URL", _mail, read.email_server_of, is_secret=True))
EMAIL_TIMEOUT = 10
_sender = format_address(SITE_NAME, EMAIL_DEFAULTS["DEFAULT_FROM_EMAIL"])
DEFAULT_FROM_EMAIL = setting("DEFAULT_FROM_EMAIL", _sender, read.sender_of)
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# Money
CURRENCY = env.str("CURRENCY", "gbp").strip().lower()  # fixed by the first order, see billing.checks
_destinations = known_countries() - NON_DESTINATIONS
SHOP_COUNTRY = setting("SHOP_COUNTRY", "GB", read.country_of(_destinations))
SHOP_COUNTRIES = setting("SHOP_COUNTRIES", "", read.countries_of(_destinations))  # the shop ships to them; empty: all
# At or below this number, pages show the number left. Staff get one email per restock.
LOW_STOCK = setting("LOW_STOCK", "5", read.number_of(0, 1_000_000))
# Rates, shipping and discounts are rows, see carts.models.rates.
PRICES_INCLUDE_TAX = setting("PRICES_INCLUDE_TAX", "on", read.switch_of)
ORDER_HOLD_MINUTES = 30  # how long an unpaid order reserves its stock
GUEST_SESSION_HOURS = 4  # how long a browser remembers a guest, see accounts.guest_session

# How many days rows are kept that grow without end, see orders.bookkeeping.retention
_days = read.number_of(1, 3650)
KEEP_DAYS = {
    "carts": setting("KEEP_CARTS_DAYS", "60", _days),
    "guests": setting("KEEP_GUESTS_DAYS", "30", _days),
    # Their links are valid for up to three days.
    "account_emails": setting("KEEP_ACCOUNT_EMAILS_DAYS", "90", read.number_of(3, 3650)),
    "sign_ins": setting("KEEP_SIGN_INS_DAYS", "90", _days),
    "stripe_events": setting("KEEP_STRIPE_EVENTS_DAYS", "90", _days),
}

# Stripe, or the simulator if no key is set. The same code is used for both.
_simulator = _last_run.get("STRIPE_SIMULATOR_URL", "http://127.0.0.1:12112")
SIMULATOR_URL = setting("STRIPE_SIMULATOR_URL", _simulator, read.url_of)
# Each shop on this machine has its own keys, so the simulator of another shop rejects its calls as Stripe would.
STRIPE_SECRET_KEY = required_env("STRIPE_SECRET_KEY", f"sk_test_simulator_{sha256(bytes(VAR_DIR)).hexdigest()[:16]}")
_uses_simulator = STRIPE_SECRET_KEY.startswith("sk_test_simulator")
_account = STRIPE_SECRET_KEY.removeprefix("sk_test_")
_publishable, _webhook = (f"pk_test_{_account}", f"whsec_{_account}") if _uses_simulator else ("", "")
STRIPE_PUBLISHABLE_KEY = env.str("STRIPE_PUBLISHABLE_KEY", "").strip() or _publishable
STRIPE_WEBHOOK_SECRET = env.str("STRIPE_WEBHOOK_SECRET", "").strip() or _webhook
_stripe = SIMULATOR_URL if _uses_simulator else "https://api.stripe.com"
STRIPE_API_BASE = setting("STRIPE_API_BASE", _stripe, read.url_of)
STRIPE_IS_REAL = STRIPE_API_BASE == "https://api.stripe.com"
STRIPE_JS_URL = ("https://js.stripe.com" if STRIPE_IS_REAL else STRIPE_API_BASE) + "/endive/stripe.js"
# Stripe is ending support for cards that are created from tokens.
_flow = "setup_intent" if STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_")) else "token"
STRIPE_CARD_FLOW = env.str("STRIPE_CARD_FLOW", "").strip() or _flow
CARD_TRIES = {  # declined cards per hour, see billing.limits
    scope: setting(f"CARD_TRIES_{scope.upper()}", default, read.number_of(1, 1_000_000_000))
    for scope, default in {"profile": "10", "session": "10", "address": "30", "shop": "200", "no_order": "3"}.items()
}
REQUEST_LIMITS = {  # calls to Stripe a minute and guest checkouts an hour, see billing.abuse
    name: setting(f"LIMIT_{name.upper()}", default, read.number_of(1, 1_000_000_000))
    for name, default in {"stripe_calls": "30", "guests_address": "60", "guests_session": "10"}.items()
}
STRIPE_SIMULATOR_STATE = env.str("STRIPE_SIMULATOR_STATE", str(VAR_DIR / "stripe-simulator.sqlite3"))

PROBE_TOKEN = env.str("PROBE_TOKEN", "").strip()  # a bearer token that may see the details of /readyz from elsewhere

# Maintenance mode: pages return 503 while this is on or the file exists. The file needs no restart; its text is shown.
MAINTENANCE = setting("MAINTENANCE", "off", read.switch_of)
MAINTENANCE_FILE = VAR_DIR / "maintenance"

# Security and headers
CSRF_FAILURE_VIEW = "ecommerce.views.csrf_failure"
if IS_TLS:
    SECURE_SSL_REDIRECT = True
    # Browsers refuse http for so long, even if https breaks. An hour at first, because it cannot be taken back.
    SECURE_HSTS_SECONDS = setting("HSTS_SECONDS", "3600", read.number_of(0, 63_072_000))
    SECURE_HSTS_INCLUDE_SUBDOMAINS = setting("HSTS_SUBDOMAINS", "off", read.switch_of)
    SECURE_HSTS_PRELOAD = setting("HSTS_PRELOAD", "off", read.switch_of)
    SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]  # which ask for the two settings above
if IS_TLS and TRUSTED_PROXIES:
    # Without this setting, gunicorn still trusts a proxy on the same machine, by the source address of the connection.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
HEADERS = {  # set on every response
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
# Browser features disabled for all pages and their frames. Payment pages allow Stripe some of them, see billing.csp.
REFUSED_FEATURES = (
    "accelerometer autoplay camera clipboard-read display-capture encrypted-media gamepad geolocation gyroscope hid "
    "idle-detection local-fonts magnetometer microphone midi payment picture-in-picture publickey-credentials-create "
    "publickey-credentials-get screen-wake-lock serial usb window-management xr-spatial-tracking"
).split()
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "object-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],  # Bootstrap's icons are data: images
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

LOG_LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"class": "core.logs.RedactingFormatter", "format": "{levelname} {name}: {message}", "style": "{"}
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": setting("LOG_LEVEL", "INFO", read.choice_of(LOG_LEVELS))},
    "loggers": {
        "django": {"level": "INFO"},  # without Django's own handlers, which do not redact
        "django.server": {"level": "WARNING", "propagate": True},
        "stripe": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
    },
}
