"""Addresses of the address pages."""

from django.urls import path

from addresses import views

app_name = "addresses"

urlpatterns = [
    path("check/", views.address_check, name="check"),
    path("update/", views.address_update, name="update"),
]
