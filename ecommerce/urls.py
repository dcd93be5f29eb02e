"""Addresses of the shop; each app brings its own."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path, re_path

from ecommerce import views

handler400 = "ecommerce.views.bad_request"
handler500 = "ecommerce.views.server_error"

urlpatterns = [
    path("", views.home, name="home"),
    path("health/", views.health, name="health"),
    path("products/", include("products.urls")),
    path("accounts/", include("accounts.urls")),
    path("addresses/", include("addresses.urls")),
    path("cart/", include("carts.urls")),
    path("billing/", include("billing.urls")),
    path("orders/", include("orders.urls")),
    path("admin/", admin.site.urls),
    re_path(rf"^{settings.MEDIA_URL.strip('/')}/(?P<path>.+)$", views.media, name="media"),
]
