"""URLs for accounts."""

from django.urls import path

from accounts.views import cards, email_links, passwords, privacy, profile, second_step, sign_in, sign_ins

app_name = "accounts"

urlpatterns = [
    path("login/", sign_in.user_login, name="login"),
    path("login/code/", second_step.second_step, name="second_step"),
    path("signup/", sign_in.user_signup, name="signup"),
    path("guest/", sign_in.user_guest, name="guest"),
    path("logout/", sign_in.user_logout, name="logout"),
    path("password-reset/", passwords.password_reset, name="password_reset"),
    path("password-reset/<str:uidb64>/<str:token>/", passwords.password_reset_confirm, name="password_reset_confirm"),
    path("password-change/", passwords.password_change, name="password_change"),
    path("profile/", profile.profile, name="profile"),
    path("name/", profile.name_change, name="name_change"),
    path("email/", profile.email_change, name="email_change"),
    path("sign-ins/", sign_ins.sign_ins, name="sign_ins"),
    path("sign-ins/end-others/", sign_ins.sign_ins_end_others, name="sign_ins_end_others"),
    path("sign-ins/<int:pk>/end/", sign_ins.sign_in_end, name="sign_in_end"),
    path("data/", privacy.data_download, name="data_download"),
    path("delete/", privacy.account_delete, name="account_delete"),
    path("cards/<int:pk>/default/", cards.card_default, name="card_default"),
    path("cards/<int:pk>/remove/", cards.card_remove, name="card_remove"),
    path("verify/", email_links.verify_request, name="verify_request"),
    path("verify/<str:token>/", email_links.verify, name="verify"),
    path("claim/", email_links.claim_request, name="claim_request"),
    path("claim/<str:token>/", email_links.claim, name="claim"),
]
