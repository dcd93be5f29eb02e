"""Django settings, read from the environment or a .env file. The defaults are meant for development."""

import os
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import bootstrap_wrapper
from csp.constants import NONE, SELF

from billing.stripe_calls.keys import is_live
from core.emails.addresses import format_address
from ecommerce import environment as read
from ecommerce import variables
from ecommerce.object_storage import read_bucket
from ecommerce.variables import value

BASE_DIR = Path(__file__).resolve().parent.parent
read.read_file(BASE_DIR / ".env")
VAR_DIR: Path = value("VAR_DIR", str(BASE_DIR / "var"))  # everything that a running shop writes
DEBUG: bool = value("DEBUG")

# The site
SITE_NAME: str = value("SITE_NAME")
LAST_RUN_FILE = VAR_DIR / "last_run.json"  # written by the `demo` command, so that other commands find its processes
_last_run = read.read_last_run(LAST_RUN_FILE)
SITE_URL: str = value("SITE_URL", _last_run.get("SITE_URL", "http://127.0.0.1:8000"))
SITE_HOST = urlsplit(SITE_URL).hostname or ""
LOOPBACK_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
IS_TLS = SITE_URL.startswith("https://")
DEVELOPMENT_KEY = "for-development-only-" + "x" * 40
SECRET_KEY = value("SECRET_KEY", DEVELOPMENT_KEY)
SECRET_KEY_FALLBACKS = value("SECRET_KEY_FALLBACKS")
_hosts = ",".join([*LOOPBACK_HOSTS, f"[{SITE_HOST}]" if ":" in SITE_HOST else SITE_HOST])
ALLOWED_HOSTS = value("ALLOWED_HOSTS", _hosts)
TRUSTED_PROXIES = value("TRUSTED_PROXIES")
EMAIL_DEFAULTS = variables.EMAIL_DEFAULTS
SUPPORT_EMAIL: str = value("SUPPORT_EMAIL")
STAFF_EMAIL: str = value("STAFF_EMAIL", SUPPORT_EMAIL)  # receives emails about orders; empty: no staff emails

INSTALLED_APPS = [
    "ecommerce.back_office.site.BackOfficeConfig",
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
    "django_tasks",
    "django_tasks_db",
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
    "ecommerce.operations.request_log.RequestLogMiddleware",  # outermost, so that its line is about the whole request
    "ecommerce.operations.probes.ProbeMiddleware",  # before all others: a probe has no host name or session
    "billing.middleware.StripeCallLimitMiddleware",  # before the work after a response, which also calls Stripe
    "core.middleware.AfterResponseMiddleware",  # before all that replace the response, so that it has the sent one
    "core.middleware.RequestMemoryMiddleware",  # before all middleware that reads versions
    "ecommerce.shared_pages.middleware.SharedPageMiddleware",  # answers from the page cache before all others
    # These two come before the rest, so that static files, redirects and errors of the others also get their headers.
    "core.middleware.HeadersMiddleware",
    "core.middleware.ContentPolicyMiddleware",
    "core.middleware.LanguageMiddleware",  # before all middleware that can answer with text
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "ecommerce.operations.maintenance.MaintenanceMiddleware",  # before all middleware that needs the database
    "core.middleware.RejectNulMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "core.middleware.BodyLimitMiddleware",  # before the body is read, which CsrfViewMiddleware does before the view
    "django.contrib.messages.middleware.MessageMiddleware",
    "ecommerce.shared_pages.prefetch.PrefetchMiddleware",  # after session and messages
    "ecommerce.operations.closed_shop.ClosedShopMiddleware",  # after authentication, because staff see the shop
    "core.middleware.NotAllowedMiddleware",  # after session and authentication, because its page shows the visitor
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "accounts.middleware.AccountMiddleware",
    "billing.middleware.PaymentTimeLimitMiddleware",
    "billing.middleware.TooManyRequestsMiddleware",
    "axes.middleware.AxesMiddleware",  # answers with the 429 page when sign-in is locked out; no queries
    "ecommerce.operations.unavailable.UnavailableMiddleware",  # last, so that its answer comes before all other work
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
DATABASES: dict[str, Any] = {"default": value("DATABASE_URL", _database)}
DATABASES["default"].setdefault("CONN_MAX_AGE", value("CONN_MAX_AGE"))
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True  # a request whose connection was lost opens another one
DATABASE_SECONDS: int = value("DATABASE_SECONDS")  # see core.database.limits
if DATABASES["default"]["ENGINE"] == read.SQLITE:
    # Tests use a file too, because the shared in-memory database raises "table is locked" in a second thread.
    DATABASES["default"]["TEST"] = {"NAME": VAR_DIR / "test.sqlite3"}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Shops on one cache server have different keys. The servers of one shop share theirs.
CACHES = {"default": {"KEY_PREFIX": SITE_URL} | value("CACHE_URL")}
# Whole pages of the catalog, see core.page_cache. wsgi.py, asgi.py and `demo` turn this on unless PAGE_CACHE is off.
PAGE_CACHE = value("PAGE_CACHE", os.environ.get("PAGE_CACHE_DEFAULT"))
PAGE_CACHE_ENTRIES = value("PAGE_CACHE_ENTRIES")
PAGE_CACHE_SLOTS = 0  # on the cache server, if the shop has one; processes always keep pages in their memory too
if read.is_redis(CACHES["default"]):
    CACHES["pages"], PAGE_CACHE_SLOTS = read.page_cache_of(CACHES["default"]), PAGE_CACHE_ENTRIES

# Background work, see core.background.tasks
TASK_ENGINE: str = value("TASK_ENGINE")
TASKS = {"default": {"BACKEND": variables.TASK_ENGINES[TASK_ENGINE], "QUEUES": ["default", "slow"]}}
if TASK_ENGINE == "rq":
    INSTALLED_APPS += ["django_rq"]
    RQ_QUEUES = {queue: read.rq_queue_of(CACHES["default"]) for queue in TASKS["default"]["QUEUES"]}

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
AXES_SENSITIVE_PARAMETERS = ["username"]  # users might type their password there
AXES_VERBOSE = AXES_ENABLE_ADMIN = False  # accounts.admin has its own list of attempts
AXES_DISABLE_ACCESS_LOG = True  # do not record when users sign in
STAFF_SECOND_FACTOR: str = value("STAFF_SECOND_FACTOR")  # off, optional or required, see accounts.staff
SESSION_ENGINE = "accounts.sessions"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 30
# Browsers accept __Host- cookies only from this host over HTTPS, not from another subdomain.
_prefix = "__Host-" if IS_TLS else ""
# They send cookies to all ports of a host. Shops on several ports of one machine have cookies of different names.
_port = urlsplit(SITE_URL).port
_suffix = f"_{_port}" if _port not in (None, 8000) else ""
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = f"{_prefix}sessionid{_suffix}", f"{_prefix}csrftoken{_suffix}"
DEVICE_COOKIE_NAME = f"{_prefix}device{_suffix}"  # see accounts.devices
MESSAGES_COOKIE_NAME, LANGUAGE_COOKIE_NAME = f"{_prefix}messages{_suffix}", f"{_prefix}django_language{_suffix}"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = IS_TLS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
MESSAGE_STORAGE = "core.message_storage.MessageStorage"

# Languages and time zone
LANGUAGES = variables.LANGUAGES
LANGUAGE_CODE = value("LANGUAGE_CODE")  # for the catalog and staff, and the fallback for visitors
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_AGE = 60 * 60 * 24 * 365  # visitors who never choose a language get no cookie
TIME_ZONE = value("TIME_ZONE")
USE_TZ = True
FORMAT_MODULE_PATH = "core.formats"

# Files
STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "ecommerce.staticfiles.StylesheetFinder",
]
BOOTSTRAP_DIR = bootstrap_wrapper.get_bootstrap_dir()
MEDIA_BUCKET = read_bucket()
MEDIA_URL = MEDIA_BUCKET.url
MEDIA_ROOT = value("MEDIA_ROOT", str(VAR_DIR / "media"))
STORAGES = {
    "default": MEDIA_BUCKET.storage,
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
vars().update(value("EMAIL_URL", _mail))
EMAIL_TIMEOUT = 10
_sender = format_address(SITE_NAME, EMAIL_DEFAULTS["DEFAULT_FROM_EMAIL"])
DEFAULT_FROM_EMAIL = value("DEFAULT_FROM_EMAIL", _sender)
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# Money
CURRENCY: str = value("CURRENCY")  # fixed by the first order, see billing.checks
SHOP_COUNTRY, SHOP_COUNTRIES = value("SHOP_COUNTRY"), value("SHOP_COUNTRIES")
LOW_STOCK: int = value("LOW_STOCK")
# Rates, shipping and discounts are rows, see carts.models.rates.
PRICES_INCLUDE_TAX = value("PRICES_INCLUDE_TAX")
ORDER_HOLD_MINUTES = 30  # how long an unpaid order reserves its stock
GUEST_SESSION_HOURS = 4  # how long a browser remembers a guest, see accounts.guest_session

# How many days rows are kept that grow without end, see orders.bookkeeping.retention
KEEP_DAYS = {
    name: value(f"KEEP_{name.upper()}_DAYS")
    for name in ("carts", "guests", "account_emails", "sign_ins", "stripe_events")
}
WITHDRAWAL_RETENTION_DAYS = value("WITHDRAWAL_RETENTION_DAYS")  # for texts of withdrawals that match no order

# Stripe, or the simulator if no key is set. The same code is used for both.
_simulator = _last_run.get("STRIPE_SIMULATOR_URL", "http://127.0.0.1:12112")
SIMULATOR_URL = value("STRIPE_SIMULATOR_URL", _simulator)
# Each shop on this machine has its own keys, so the simulator of another shop rejects its calls as Stripe would.
STRIPE_SECRET_KEY: str = value("STRIPE_SECRET_KEY", f"sk_test_simulator_{sha256(bytes(VAR_DIR)).hexdigest()[:16]}")
_uses_simulator = STRIPE_SECRET_KEY.startswith("sk_test_simulator")
_account = STRIPE_SECRET_KEY.removeprefix("sk_test_")
_publishable, _webhook = (f"pk_test_{_account}", f"whsec_{_account}") if _uses_simulator else ("", "")
STRIPE_PUBLISHABLE_KEY = value("STRIPE_PUBLISHABLE_KEY", _publishable)
STRIPE_WEBHOOK_SECRET = value("STRIPE_WEBHOOK_SECRET", _webhook)
_stripe = SIMULATOR_URL if _uses_simulator else "https://api.stripe.com"
STRIPE_API_BASE = value("STRIPE_API_BASE", _stripe)
STRIPE_IS_REAL = STRIPE_API_BASE == "https://api.stripe.com"
STRIPE_JS_URL = ("https://js.stripe.com" if STRIPE_IS_REAL else STRIPE_API_BASE) + "/endive/stripe.js"
# Stripe is ending support for cards that are created from tokens.
_flow = "setup_intent" if is_live(STRIPE_SECRET_KEY) else "token"
STRIPE_CARD_FLOW = value("STRIPE_CARD_FLOW", _flow)
# Declined cards per hour, see billing.limits; calls to Stripe a minute and guest checkouts an hour, see billing.abuse
_scopes, _limits = (
    ("profile", "session", "address", "shop", "no_order"),
    ("stripe_calls", "guests_address", "guests_session"),
)
CARD_TRIES = {scope: value(f"CARD_TRIES_{scope.upper()}") for scope in _scopes}
REQUEST_LIMITS = {name: value(f"LIMIT_{name.upper()}") for name in _limits}
STRIPE_SIMULATOR_STATE = value("STRIPE_SIMULATOR_STATE", str(VAR_DIR / "stripe-simulator.sqlite3"))

PROBE_TOKEN = value("PROBE_TOKEN")

# Maintenance mode: pages return 503 while this is on or the file exists.
MAINTENANCE = value("MAINTENANCE")
MAINTENANCE_FILE = VAR_DIR / "maintenance"

# Security and headers
CSRF_FAILURE_VIEW = "ecommerce.views.csrf_failure"
if IS_TLS:
    SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = value("HSTS_SECONDS")
    SECURE_HSTS_INCLUDE_SUBDOMAINS, SECURE_HSTS_PRELOAD = value("HSTS_SUBDOMAINS"), value("HSTS_PRELOAD")
    SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]  # which ask for the two settings above
if IS_TLS and TRUSTED_PROXIES:
    # Only this decides about the header: gunicorn.conf.py trusts no proxy.
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
        "img-src": [SELF, "data:", *MEDIA_BUCKET.origins],  # Bootstrap's icons are data:
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

LOG_FORMAT = value("LOG_FORMAT", "text" if DEBUG else "json")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {"class": "core.logs.RedactingFormatter", "format": "{levelname} {name}: {message}", "style": "{"},
        "json": {"class": "core.logs.JsonFormatter"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["console"], "level": value("LOG_LEVEL")},
    "loggers": {
        "django": {"level": "INFO"},  # without Django's own handlers, which do not redact
        "django.request": {"level": "ERROR"},  # no second line for each 404
        "django.server": {"level": "WARNING", "propagate": True},
        "gunicorn.error": {"handlers": [], "propagate": True},  # in the same format, once a worker has loaded the shop
        "stripe": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
    },
}
