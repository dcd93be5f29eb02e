"""URLs for products."""

from django.urls import path

from products.views import ProductDetail, ProductList

app_name = "products"

urlpatterns = [
    path("", ProductList.as_view(), name="list"),
    path("<slug:slug>/", ProductDetail.as_view(), name="detail"),
]
