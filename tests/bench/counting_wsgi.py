"""WSGI entry point of the server that counts statements."""

from ecommerce.wsgi import application as shop
from tests.bench.counting import counted

application = counted(shop)
