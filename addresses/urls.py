"""URLs for postal addresses."""

from django.urls import path

from addresses import book, views

app_name = "addresses"

urlpatterns = [
    path("", book.address_list, name="list"),
    path("add/", book.address_add, name="add"),
    path("<int:pk>/", book.address_edit, name="edit"),
    path("<int:pk>/delete/", book.address_delete, name="delete"),
    path("check/", views.address_check, name="check"),
    path("update/", views.address_update, name="update"),
]
