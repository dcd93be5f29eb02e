"""URLs for the card pages and Stripe's webhook."""

from django.urls import path

from billing import views

app_name = "billing"

urlpatterns = [
    path("payment-method/", views.payment_method, name="payment_method"),
    path("payment-processing/", views.payment_processing, name="payment_processing"),
    path("setup-intent/", views.setup_intent, name="setup_intent"),
    path("webhook/", views.webhook, name="webhook"),
]
