"""URLs for accounts."""

from django.urls import path

from accounts import cards, details, passwords, privacy, views

app_name = "accounts"

urlpatterns = [
    path("login/", views.user_login, name="login"),
    path("signup/", views.user_signup, name="signup"),
    path("guest/", views.user_guest, name="guest"),
    path("logout/", views.user_logout, name="logout"),
    path("password-reset/", passwords.password_reset, name="password_reset"),
    path("password-reset/<str:uidb64>/<str:token>/", passwords.password_reset_confirm, name="password_reset_confirm"),
    path("password-change/", passwords.password_change, name="password_change"),
    path("profile/", views.profile, name="profile"),
    path("name/", details.name_change, name="name_change"),
    path("email/", details.email_change, name="email_change"),
    path("data/", privacy.data_download, name="data_download"),
    path("delete/", privacy.account_delete, name="account_delete"),
    path("cards/<int:pk>/default/", cards.card_default, name="card_default"),
    path("cards/<int:pk>/remove/", cards.card_remove, name="card_remove"),
    path("verify/", views.verify_request, name="verify_request"),
    path("verify/<str:token>/", views.verify, name="verify"),
    path("claim/", views.claim_request, name="claim_request"),
    path("claim/<str:token>/", views.claim, name="claim"),
]
