"""Root URL configuration."""

from django.contrib import admin
from django.urls import include, path, re_path

from accounts.views.second_step import admin_login
from core.contact.views import contact
from ecommerce import sitemaps, views
from ecommerce.object_storage import LOCAL_URL
from products.views import suggestions

handler400 = "ecommerce.views.bad_request"
handler500 = "ecommerce.views.server_error"

urlpatterns = [
    path("", views.home, name="home"),
    path("health/", views.health, name="health"),
    path("language/", views.choose_language, name="language"),
    path("robots.txt", sitemaps.robots, name="robots"),
    path("sitemap.xml", sitemaps.sitemap_index, name="sitemap"),
    path("sitemap-pages.xml", sitemaps.sitemap_pages, name="sitemap_pages"),
    path("sitemap-products-<int:part>.xml", sitemaps.sitemap_products, name="sitemap_products"),
    path("pages/", include("core.pages.urls")),
    path("contact/", contact, name="contact"),
    path("products/", include("products.urls")),
    path("search/suggestions/", suggestions, name="search_suggestions"),
    path("accounts/", include("accounts.urls")),
    path("addresses/", include("addresses.urls")),
    path("cart/", include("carts.urls")),
    path("billing/", include("billing.urls")),
    path("orders/", include("orders.urls")),
    path("admin/login/", admin_login),  # before Django's, which signs in without a code
    path("admin/", admin.site.urls),
    re_path(rf"^{LOCAL_URL}(?P<path>.+)$", views.media, name="media"),
]
