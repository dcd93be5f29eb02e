"""URLs for orders."""

from django.urls import path

from orders import views
from orders.views import afresh, again, find, order, withdrawal

app_name = "orders"

urlpatterns = [
    path("", order.order_list, name="list"),
    path("start-afresh/", afresh.start_afresh, name="start_afresh"),  # before the numbers, which have no hyphen
    path("find/", find.order_find, name="find"),
    path("withdraw/", withdrawal.withdraw, name="withdraw"),
    path("withdraw/confirm/", withdrawal.withdraw_confirm, name="withdraw_confirm"),
    path("withdraw/receipt/<str:key>/", withdrawal.withdraw_receipt, name="withdraw_receipt"),
    path("<slug:order_id>/", order.order_detail, name="detail"),
    path("<slug:order_id>/withdraw/", withdrawal.withdraw, name="withdraw_order"),
    path("<slug:order_id>/withdraw/confirm/", withdrawal.withdraw_confirm, name="withdraw_order_confirm"),
    path("<slug:order_id>/card/", views.order_card, name="card"),
    path("<slug:order_id>/card/setup/", views.order_card_setup, name="card_setup"),
    path("<slug:order_id>/pay/", views.order_pay, name="pay"),
    path("<slug:order_id>/status/", views.order_status, name="status"),
    path("<slug:order_id>/cancel/", views.order_cancel, name="cancel"),
    path("<slug:order_id>/again/", again.order_again, name="again"),
]
