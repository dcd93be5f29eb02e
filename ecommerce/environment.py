"""Settings from environment variables. An invalid value stops the start with a sentence that names the variable.

The functions that end in `_of` read one kind of value. They raise ValueError with what the value must be.
"""

import json
import re
import warnings
from collections.abc import Callable, Iterable
from io import StringIO
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from core.emails.addresses import format_address, is_email_address, parse_address

Value = TypeVar("Value")
env = environ.Env()
ON, OFF = {"on", "true", "yes", "y", "ok", "1"}, {"off", "false", "no", "n", "0"}
SQLITE, POSTGRESQL = "django.db.backends.sqlite3", "django.db.backends.postgresql"
# With Django's default of deferred transactions, two writers get "database is locked" errors. A writer that takes its
# lock at the start of the transaction waits instead, for up to `timeout` seconds.
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 10,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-4000;",
}
# The system asks a silent database server after a minute whether it is there, and gives up after another half.
KEEPALIVES = {"keepalives_idle": 60, "keepalives_interval": 10, "keepalives_count": 3}
ASSIGNMENT = re.compile(r"(?:export )?[A-Za-z_0-9]+=.*")
HOST_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
MAX_NAME_LENGTH = 100
DEFAULT_PORTS = {"http": 80, "https": 443}
REDIS = "core.resilience.redis_cache.LimitedRedisCache"


def read_file(file: Path) -> None:
    """Set the environment variables in this file, except those that are set. Do nothing if there is no file.

    Raise ImproperlyConfigured if it cannot be read, or for a line that is not NAME=value. Without this, the shop would
    use the defaults, and the line would be logged with the secret in it.
    """
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    except FileNotFoundError:
        if file.is_symlink():
            raise ImproperlyConfigured(f"{file} leads to {file.readlink()}, which does not exist.") from None
        return
    except (OSError, UnicodeDecodeError):
        raise ImproperlyConfigured(f"The user of the shop cannot read the settings in {file.resolve()}.") from None
    for number, line in enumerate(lines, 1):
        if line and not line.startswith("#") and not ASSIGNMENT.fullmatch(line):
            raise ImproperlyConfigured(f"Line {number} of {file.resolve()} must be NAME=value or begin with #.")
    environ.Env.read_env(StringIO("\n".join(lines)))


def setting(
    name: str, default: str, read: Callable[[str], Value], *, is_secret: bool = False, keep_blank: bool = False
) -> Value:
    """Return what `read` makes of the variable, or of `default` if the variable is not set or blank.

    With `keep_blank`, a blank variable is read too. Raise ImproperlyConfigured if `read` raises ValueError. The message
    shows the value unless `is_secret` or the value is a URL with a password.
    """
    text = env.str(name, default).strip()
    try:
        return read(text if text or keep_blank else default)
    except ValueError as error:
        has_password = "://" in text and "@" in text
        shown = "" if is_secret or has_password else f" It is {text!r}."
        raise ImproperlyConfigured(f"{name} must be {error}.{shown}") from None


def switch_of(text: str) -> bool:
    """Read on or off."""
    if text.lower() not in ON | OFF:
        raise ValueError("on or off")
    return text.lower() in ON


def debug_of(text: str) -> bool:
    """Read on or off. A blank variable means off, because debug pages show what visitors must not see."""
    return bool(text) and switch_of(text)


def number_of(smallest: int, largest: int) -> Callable[[str], int]:
    """Return a function that reads a whole number in this range."""

    def read(text: str) -> int:
        is_number = re.fullmatch(r"-?[0-9]{1,12}", text)
        if not is_number or not smallest <= int(text) <= largest:
            raise ValueError(f"a whole number from {smallest} to {largest}")
        return int(text)

    return read


def choice_of(options: Iterable[str]) -> Callable[[str], str]:
    """Return a function that reads one of the options, in any case."""
    by_lowercase = {option.lower(): option for option in options}

    def read(text: str) -> str:
        if text.lower() not in by_lowercase:
            raise ValueError(f"one of {', '.join(by_lowercase.values())}")
        return by_lowercase[text.lower()]

    return read


def folder_of(text: str) -> Path:
    """Read the path of a folder and create it if it does not exist."""
    try:
        Path(text).mkdir(parents=True, exist_ok=True)
        return Path(text).resolve()
    except (OSError, ValueError):
        raise ValueError("a folder that the shop can create and write") from None


def name_of(text: str) -> str:
    """Read a name in one line."""
    name = " ".join(text.split())
    if not name.isprintable() or len(name) > MAX_NAME_LENGTH:
        raise ValueError(f"a name of up to {MAX_NAME_LENGTH} characters in one line")
    return name


def email_of(text: str) -> str:
    """Read one email address without a name, which pages can link to."""
    if not is_email_address(text) or set(text) & set("%?#"):
        raise ValueError("one email address without a name, such as help@shop.example")
    return text


def optional_email_of(text: str) -> str:
    """Read one email address, or nothing."""
    return email_of(text) if text else ""


def sender_of(text: str) -> str:
    """Read an email address with or without a name, and return the value of the From header."""
    try:
        return format_address(*parse_address(text))
    except ValueError:
        raise ValueError('one email address, with or without a name: "Hearth, Clay" <shop@shop.example>') from None


def url_of(text: str) -> str:
    """Read the URL of a server, without a path. Return it in the spelling that browsers send."""
    try:
        parts = urlsplit(text)
        port, is_server = parts.port, text.isprintable() and not set(text) & set("?#@\\")
        if parts.scheme in DEFAULT_PORTS and is_server and port != 0 and not parts.path.strip("/"):
            host = host_of(parts.netloc if port is None else parts.netloc.rpartition(":")[0])
            return f"{parts.scheme}://{host}" + ("" if port in (None, DEFAULT_PORTS[parts.scheme]) else f":{port}")
    except ValueError:  # for an invalid port or host
        pass
    raise ValueError("the URL of a server without a path, such as https://shop.example or http://127.0.0.1:8000")


def host_of(text: str) -> str:
    """Read a host name or an IP address, IPv6 in brackets. Return it in the spelling that browsers send."""
    try:
        if text.startswith("[") and text.endswith("]"):
            return f"[{IPv6Address(text[1:-1])}]"
        host = text.encode("idna").decode().lower()
        labels = host.split(".")
        if all(HOST_LABEL.fullmatch(label) for label in labels) and (not labels[-1].isdigit() or IPv4Address(host)):
            return host
    except ValueError:  # also for an encoding error
        pass
    raise ValueError("a host such as shop.example, without a scheme, port or path")


def hosts_of(text: str) -> list[str]:
    """Read the hosts, separated by commas. A leading dot stands for all subdomains."""
    if "*" in text:
        raise ImproperlyConfigured(
            "ALLOWED_HOSTS must list the shop's hosts; * would let anyone forge links in emails."
        )
    try:
        hosts = [_pattern_of(part.strip()) for part in text.split(",") if part.strip()]
    except ValueError:
        hosts = []
    if not hosts:
        raise ValueError("hosts separated by commas, such as shop.example,www.shop.example, without schemes or ports")
    return hosts


def _pattern_of(text: str) -> str:
    return f".{host_of(text[1:])}" if text.startswith(".") else host_of(text)


def country_of(known: Iterable[str]) -> Callable[[str], str]:
    """Return a function that reads the code of a country to which the shop can ship."""
    codes = frozenset(known)

    def read(text: str) -> str:
        if text.upper() not in codes:
            raise ValueError("the code of a country, such as GB")
        return text.upper()

    return read


def countries_of(known: Iterable[str]) -> Callable[[str], list[str]]:
    """Return a function that reads codes of countries, separated by commas, or nothing."""
    read_one = country_of(known)

    def read(text: str) -> list[str]:
        try:
            return [read_one(part.strip()) for part in text.split(",") if part.strip()]
        except ValueError:
            raise ValueError("codes of countries separated by commas, such as GB,IE,FR") from None

    return read


def database_of(text: str) -> dict[str, Any]:
    """Read the URL of a database as Django's settings for it."""
    config = _parsed(environ.Env.db_url_config, text)
    if config.get("ENGINE") not in (SQLITE, POSTGRESQL) or not config.get("NAME"):
        raise ValueError("sqlite:///path/shop.sqlite3 or postgres://user:password@host:5432/shop")
    if config["ENGINE"] == SQLITE:
        return config | {"OPTIONS": SQLITE_OPTIONS | config.get("OPTIONS", {})}
    return config | {"ENGINE": "core.database.postgresql", "OPTIONS": KEEPALIVES | config.get("OPTIONS", {})}


def cache_of(text: str) -> dict[str, Any]:
    """Read the URL of a cache as Django's settings for it."""
    config = _parsed(environ.Env.cache_url_config, text)
    if not config or (is_redis(config) and not _has_location(text)):
        raise ValueError("locmemcache:// or redis://host:6379/1")
    return config | {"BACKEND": REDIS} if is_redis(config) else config


def is_redis(config: dict[str, Any]) -> bool:
    """Return whether these are the settings of a Redis cache."""
    return str(config.get("BACKEND", "")).endswith("RedisCache")


def page_cache_of(default: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of the page cache on the Redis of the default cache."""
    return default | {"KEY_PREFIX": f"{default.get('KEY_PREFIX', '')}-pages"}


def rq_queue_of(cache: dict[str, Any]) -> dict[str, str]:
    """Return the settings of an RQ queue on the Redis of this cache. Who starts a task does not wait long for it."""
    url = str(cache.get("LOCATION", ""))
    return {"URL": f"{url}{'&' if '?' in url else '?'}socket_connect_timeout=1&socket_timeout=1"}


def _has_location(url: str) -> bool:
    """Check that a URL has a host or a path, and no port that is not a number."""
    try:
        parts = urlsplit(url)
        return bool(parts.port or parts.netloc.strip(":") or parts.path.strip("/"))
    except ValueError:
        return False


def email_server_of(text: str) -> dict[str, Any]:
    """Read the URL of a mail server as Django's settings for it."""
    config = _parsed(environ.Env.email_url_config, text)
    is_server = config.get("EMAIL_BACKEND", "").endswith("smtp.EmailBackend")
    is_folder = config.get("EMAIL_BACKEND", "").endswith("filebased.EmailBackend")
    if not config or (is_server and not config["EMAIL_HOST"]) or (is_folder and not config["EMAIL_FILE_PATH"]):
        raise ValueError("smtp+tls://user:password@host:587, smtp://host:25 or filemail:////folder")
    return config


def _parsed(parse: Callable[[str], dict[str, Any]], text: str) -> dict[str, Any]:
    """Return the settings in the URL, or nothing if it cannot be parsed. Its parser raises errors of many kinds."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # it warns of a part of the URL that it ignores
            return parse(text)
    except Exception:
        return {}


def read_last_run(file: Path) -> dict[str, str]:
    """Return the URLs at which `make run` last served this shop and its Stripe simulator, as far as they are known."""
    try:
        urls = json.loads(file.read_text())
        return {name: url_of(url) for name, url in urls.items()}
    except (OSError, ValueError, TypeError, AttributeError):  # never started, or not a file of this version
        return {}
