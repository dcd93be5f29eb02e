"""Addresses of the people."""

from django.urls import path

from accounts import views

app_name = "accounts"

urlpatterns = [
    path("login/", views.user_login, name="login"),
    path("signup/", views.user_signup, name="signup"),
    path("guest/", views.user_guest, name="guest"),
    path("logout/", views.user_logout, name="logout"),
]
