"""Proof of a sale that everybody waits for: many shoppers at once, of whom only some can get a piece."""

from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from threading import Barrier

import pytest
from django.db import connection

from orders.models import Order
from products.models import Product
from stripe_simulator.server import Simulator
from tests.makers import make_product
from tests.proofs import totals
from tests.proofs.processes import ChildEnvironment
from tests.proofs.production_server import RetryingVisitor, running_server
from tests.proofs.proof_report import ProofReport, scaled
from tests.proofs.recovery import age_and_reconcile

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.proof]
SHOPPERS = scaled(quick=10, small=40, full=200)
PIECES = SHOPPERS // 2
SECONDS = 600  # for all shoppers to be ready
PATIENCE = 6  # how often a shopper whose payment was not possible presses Pay again


def buy(port: int, product: int, start: Barrier) -> str:
    """Put a piece into the cart, wait for all others, then try to buy it. Return what stopped the shopper, or "".

    On a busy machine, few payments can start at a time. The page of the order then asks the shopper to try again.
    """
    shopper = RetryingVisitor(port)
    try:
        shopper.add(product)
        shopper.submit_details()
        start.wait(SECONDS)
        form = shopper.pay_form() | {"card": str(shopper.add_card())}
        shopper.post("/cart/checkout/", form)
        for _try in range(PATIENCE):
            status = shopper.get(f"/orders/{form['order']}/status/")
            if status.status != HTTPStatus.OK or status.json["situation"] != "unpaid":
                break
            shopper.post(f"/orders/{form['order']}/pay/", {"card": form["card"]})
    except Exception as error:  # the test records it in the report
        start.abort()
        return repr(error)
    finally:
        connection.close()
    return ""


def test_no_more_is_sold_than_there_is_when_all_buy_at_once(
    simulator: Simulator, place: ChildEnvironment, report: ProofReport, tmp_path: Path
) -> None:
    report.name = f"Flash sale: {SHOPPERS} shoppers, {PIECES} pieces"
    product = make_product(stock=PIECES)
    start = Barrier(SHOPPERS)
    with running_server(tmp_path, simulator, workers=2, threads=4) as server, ThreadPoolExecutor(SHOPPERS) as pool:
        errors = list(pool.map(lambda _number: buy(server.port, product.pk, start), range(SHOPPERS)))
    age_and_reconcile(minutes=10)  # sends what the server left when it was stopped
    report.count_try(times=SHOPPERS)
    for error in filter(None, errors):
        report.expect(False, "server_errors", error)
    sold = Order.objects.filter(status=Order.Status.PAID).count()
    report.expect(sold == PIECES, "unexplained", f"{sold} pieces of {PIECES} were sold")
    report.expect(Product.objects.get(pk=product.pk).stock == 0, "unexplained", "the stock is not 0")
    for text in totals.charged_twice(simulator):
        report.expect(False, "double_charges", text)
    report.check_consistency(simulator)
