"""WSGI entry point, for gunicorn: `gunicorn -k gthread --threads 8 ecommerce.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecommerce.settings")
application = get_wsgi_application()
