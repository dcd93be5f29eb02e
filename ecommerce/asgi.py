"""ASGI entry point."""

import os

from django.core.asgi import get_asgi_application

from core.database.sqlite_files import keep_files

# Each request can run in another thread here, so connections that outlive a request would pile up.
os.environ["CONN_MAX_AGE"] = "0"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecommerce.settings")
os.environ.setdefault("PAGE_CACHE_DEFAULT", "on")
application = get_asgi_application()
keep_files()
