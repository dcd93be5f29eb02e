"""URLs for the card pages and Stripe's webhook."""

from django.urls import path

from billing import views

app_name = "billing"

urlpatterns = [
    path("payment-method/", views.payment_method, name="payment_method"),
    path("payment-processing/", views.payment_processing, name="payment_processing"),
    path("setup-intent/", views.setup_intent, name="setup_intent"),
    path("card-link/", views.card_link, name="card_link"),
    path("card-link/<str:token>/", views.card_link_open, name="card_link_open"),
    path("webhook/", views.webhook, name="webhook"),
]
