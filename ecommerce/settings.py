"""All settings, read from the environment (or a .env file); good for a laptop as they stand."""

from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import bootstrap_wrapper
import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")
VAR_DIR = Path(env.str("VAR_DIR", str(BASE_DIR / "var")))  # everything a running shop writes

DEBUG = env.bool("DEBUG", True)


def on_a_laptop(name: str, default: str) -> str:
    """The variable `name`; `default` serves only while DEBUG is on, else a sentence says what to set."""
    value = env.str(name, "")
    if not value and not DEBUG:
        raise ImproperlyConfigured(f"DEBUG is off and {name} is not set. Set it, see .env.example.")
    return value or default


# The site
SITE_NAME = env.str("SITE_NAME", "Hearth & Clay")
SITE_URL = on_a_laptop("SITE_URL", "http://127.0.0.1:8000").rstrip("/")
SITE_HOST = urlsplit(SITE_URL).hostname or ""
LOOPBACK_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
IS_TLS = SITE_URL.startswith("https://")
SECRET_KEY = on_a_laptop("SECRET_KEY", "for-a-laptop-only-" + "x" * 40)
ALLOWED_HOSTS = on_a_laptop("ALLOWED_HOSTS", ",".join([*LOOPBACK_HOSTS, SITE_HOST])).split(",")
SUPPORT_EMAIL = env.str("SUPPORT_EMAIL", "help@shop.example")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "crispy_forms",
    "crispy_bootstrap5",
    "csp",
    "ecommerce",
    "products",
    "accounts",
    "billing",
    "addresses",
    "carts",
    "orders",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "ecommerce.middleware.CleanPathMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "billing.middleware.PaymentTimeLimitMiddleware",
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
            "builtins": ["ecommerce.templatetags.shop"],
        },
    }
]
CRISPY_ALLOWED_TEMPLATE_PACKS = CRISPY_TEMPLATE_PACK = "bootstrap5"

# Rows
VAR_DIR.mkdir(parents=True, exist_ok=True)
DATABASES: dict[str, Any] = {"default": env.db_url("DATABASE_URL", f"sqlite:///{VAR_DIR / 'shop.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Django's default deferred transactions answer "database is locked" under two writers; a writer that
    # takes its lock at once waits for its turn instead.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-20000;",
    }
    # A file even in tests: the shared in-memory database answers "table is locked" to a second thread.
    DATABASES["default"]["TEST"] = {"NAME": VAR_DIR / "test.sqlite3"}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": env.cache_url("CACHE_URL", "locmemcache://")}

# Visitors
AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "home"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
SESSION_COOKIE_AGE = 60 * 60 * 24 * 30
MESSAGE_STORAGE = "django.contrib.messages.storage.fallback.FallbackStorage"

# Words and times
LANGUAGE_CODE = "en-gb"
TIME_ZONE = env.str("TIME_ZONE", "UTC")
USE_TZ = True

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
MEDIA_ROOT = env.str("MEDIA_ROOT", str(VAR_DIR / "media"))
STORAGES = {
    "default": {"BACKEND": env.str("MEDIA_STORAGE", "django.core.files.storage.FileSystemStorage")},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEBUG

# Mail: files in var/mail on a laptop, EMAIL_URL elsewhere
vars().update(env.email_url("EMAIL_URL", f"filemail:///{VAR_DIR / 'mail'}"))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("DEFAULT_FROM_EMAIL", f"{SITE_NAME} <shop@shop.example>")

# Money
CURRENCY = env.str("CURRENCY", "gbp").lower()  # fixed by the first order, see billing.checks
SHOP_COUNTRY = env.str("SHOP_COUNTRY", "GB")
SHIPPING_PRICE = Decimal(env.str("SHIPPING_PRICE", "4.95"))
SHIPPING_FREE_FROM = Decimal(env.str("SHIPPING_FREE_FROM", "75.00"))
ORDER_HOLD_MINUTES = 30  # a placed order keeps its stock this long without being paid

# Stripe, or the simulator when no key is set: the same code talks to both
SIMULATOR_URL = env.str("STRIPE_SIMULATOR_URL", "http://127.0.0.1:12112")
STRIPE_SECRET_KEY = on_a_laptop("STRIPE_SECRET_KEY", "sk_test_simulator")
_without_account = STRIPE_SECRET_KEY == "sk_test_simulator"  # noqa: S105 - a name, not a secret
STRIPE_PUBLISHABLE_KEY = env.str("STRIPE_PUBLISHABLE_KEY", "pk_test_simulator" if _without_account else "")
STRIPE_WEBHOOK_SECRET = env.str("STRIPE_WEBHOOK_SECRET", "whsec_simulator" if _without_account else "")
STRIPE_API_BASE = env.str("STRIPE_API_BASE", SIMULATOR_URL if _without_account else "https://api.stripe.com").rstrip(
    "/"
)
STRIPE_IS_REAL = STRIPE_API_BASE == "https://api.stripe.com"
STRIPE_JS_URL = ("https://js.stripe.com" if STRIPE_IS_REAL else STRIPE_API_BASE) + "/endive/stripe.js"
STRIPE_SIMULATOR_STATE = env.str("STRIPE_SIMULATOR_STATE", str(VAR_DIR / "stripe-simulator.sqlite3"))

# Pages
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "ecommerce.views.csrf_failure"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if IS_TLS:
    SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],  # Bootstrap's own icons are data: pictures
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", "INFO")},
    "loggers": {"django.server": {"level": "WARNING"}, "stripe": {"level": "WARNING"}},
}
