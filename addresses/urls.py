"""URLs for postal addresses."""

from django.urls import path

from addresses import views
from addresses.views import address_book

app_name = "addresses"

urlpatterns = [
    path("", address_book.address_list, name="list"),
    path("add/", address_book.address_add, name="add"),
    path("<int:pk>/", address_book.address_edit, name="edit"),
    path("<int:pk>/delete/", address_book.address_delete, name="delete"),
    path("check/", views.address_check, name="check"),
    path("update/", views.address_update, name="update"),
]
