"""URLs of the pages that staff write."""

from django.urls import path

from core.pages import views

app_name = "pages"
urlpatterns = [
    path("versions/<int:number>/", views.version, name="version"),
    path("<slug:slug>/", views.detail, name="detail"),
]
