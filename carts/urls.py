"""URLs for the cart and the checkout."""

from django.urls import path

from carts import views

app_name = "carts"

urlpatterns = [
    path("", views.cart_home, name="home"),
    path("update/", views.cart_update, name="update"),
    path("delivery/", views.cart_delivery, name="delivery"),
    path("discount/", views.cart_discount, name="discount"),
    path("checkout/", views.checkout, name="checkout"),
    path("success/", views.cart_success, name="success"),
]
