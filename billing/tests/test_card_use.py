"""Tests for what a stored card is for: saved or not, for which order, and each card only once."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.cards import finish_removal
from billing.forms import CardForm
from billing.models import BillingProfile, Card
from billing.tests.test_cards import make_token
from stripe_simulator.server import Simulator
from tests.makers import add_card, make_user
from tests.visitors import sign_in

pytestmark = pytest.mark.django_db
PAGE = "/billing/payment-method/"


def as_card(number: int, fingerprint: str = "", exp_year: int = 2040) -> dict[str, Any]:
    """Return a card as `create_source` returns it."""
    details = {"brand": "Visa", "country": "GB", "last4": "4242", "exp_month": 9, "exp_year": exp_year}
    return {"id": f"card_{number}", "object": "card", "fingerprint": fingerprint or f"print{number}", **details}


@pytest.fixture
def alice() -> BillingProfile:
    return BillingProfile.objects.get(user=make_user())


@pytest.fixture
def guest() -> BillingProfile:
    return BillingProfile.objects.create(email="guest@example.org")


@pytest.fixture
def member(client: Client) -> Client:
    """Return the client of a user."""
    sign_in(client, make_user())
    return client


def sources(simulator: Simulator) -> list[str]:
    """Return the ids of the cards that Stripe has on file."""
    methods = [method["id"] for method in simulator.objects("payment_method") if method["customer"]]
    return [card["id"] for card in simulator.objects("card")] + methods


# Saved or for one order


def test_card_of_a_guest_is_never_saved(guest: BillingProfile) -> None:
    for number, choice in enumerate([None, False, True]):
        card = Card.objects.add_new(guest, as_card(number), choice)
        assert (card.is_saved, card.is_save_requested, card.default) == (False, False, False)


@pytest.mark.parametrize(("choice", "use"), [(None, (True, False)), (True, (False, True)), (False, (False, False))])
def test_card_of_a_user_is_saved_as_chosen(alice: BillingProfile, choice: bool | None, use: tuple[bool, bool]) -> None:
    card = Card.objects.add_new(alice, as_card(1), choice)
    assert (card.is_saved, card.is_save_requested) == use
    assert card.default is card.is_saved


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("sent", "use"), [({}, (True, False)), ({"save": "1"}, (False, True)), ({"save": "0"}, (False, False))]
)
def test_request_with_a_token_saves_what_the_page_asked(
    member: Client, simulator: Simulator, sent: dict[str, str], use: tuple[bool, bool]
) -> None:
    add_card(member, **sent)
    card = Card.objects.get()
    assert (card.is_saved, card.is_save_requested) == use


@pytest.mark.sampled(5)
@pytest.mark.parametrize("value", ["", "2", "yes please", "\x00", "é" * 300])
def test_unknown_choice_does_not_save_the_card(member: Client, simulator: Simulator, value: str) -> None:
    assert add_card(member, save=value).status_code == 200
    card = Card.objects.get()
    assert (card.is_saved, card.is_save_requested) == (False, False)


def test_guest_cannot_save_a_card_by_sending_the_choice(client: Client, simulator: Simulator) -> None:
    client.post("/accounts/guest/", {"email": "guest@example.org"})
    for choice in ("1", "on"):
        add_card(client, save=choice)
    card = Card.objects.get(active=True)
    assert (card.is_saved, card.is_save_requested) == (False, False)


@pytest.mark.slow
def test_card_page_lists_only_saved_cards(member: Client, simulator: Simulator) -> None:
    add_card(member, "tok_visa")
    add_card(member, "tok_amex", save="0")
    page = member.get(PAGE)
    assert [card.last4 for card in page.context["cards"]] == ["4242"]
    assert "The card is saved for later orders." in page.text


def test_card_page_tells_a_guest_that_no_card_is_saved(client: Client) -> None:
    client.post("/accounts/guest/", {"email": "guest@example.org"})
    page = client.get(PAGE).text
    assert "no card is saved" in page
    assert "Save card" not in page


def test_database_rejects_a_default_card_that_is_not_saved(alice: BillingProfile) -> None:
    card = Card.objects.add_new(alice, as_card(1), False)
    with pytest.raises(IntegrityError), transaction.atomic():
        Card.objects.filter(pk=card.pk).update(default=True)


def test_unsaved_card_cannot_become_the_default(alice: BillingProfile) -> None:
    card = Card.objects.add_new(alice, as_card(1), False)
    Card.objects.make_default(card)
    assert not Card.objects.filter(default=True).exists()


def test_card_of_one_order_cannot_be_chosen_for_another(guest: BillingProfile) -> None:
    card = Card.objects.add_new(guest, as_card(1), order_number="FIRST")
    offered = {
        number: CardForm({"card": card.pk}, billing_profile=guest, order_number=number)
        for number in ("FIRST", "NEXT", "")
    }
    assert {number: form.is_valid() for number, form in offered.items()} == {"FIRST": True, "NEXT": False, "": False}


def test_card_without_an_order_is_bound_to_the_first_order_that_it_pays(alice: BillingProfile) -> None:
    card = Card.objects.add_new(alice, as_card(1), False)
    assert Card.objects.bind(card, "FIRST")
    assert Card.objects.bind(card, "FIRST")
    assert not Card.objects.bind(card, "NEXT")


def test_saved_card_can_pay_any_order(alice: BillingProfile) -> None:
    card = Card.objects.add_new(alice, as_card(1))
    assert Card.objects.bind(card, "FIRST")
    assert Card.objects.bind(card, "NEXT")


def test_removed_card_cannot_be_bound(alice: BillingProfile) -> None:
    card = Card.objects.add_new(alice, as_card(1))
    Card.objects.remove(card)
    assert not Card.objects.bind(card, "FIRST")


def test_other_cards_of_a_guest_are_bound_too(guest: BillingProfile) -> None:
    Card.objects.add_new(guest, as_card(1))
    Card.objects.bind(Card.objects.add_new(guest, as_card(2)), "FIRST")
    assert not Card.objects.usable(guest, "NEXT").exists()


def test_expired_card_is_rejected_with_a_message(alice: BillingProfile) -> None:
    today = timezone.localdate()
    card = Card.objects.add_new(alice, as_card(1))
    last_month = today.replace(day=1) - timedelta(days=1)
    for year, month, is_valid in [
        (2020, 1, False),
        (last_month.year, last_month.month, False),
        (today.year, today.month, True),
    ]:
        Card.objects.filter(pk=card.pk).update(exp_year=year, exp_month=month)
        form = CardForm({"card": card.pk}, billing_profile=alice)
        assert form.is_valid() is is_valid
        assert is_valid or form.first_error() == "Visa •••• 4242 has expired. Choose another card."


def test_drop_unsaved_leaves_saved_cards_and_those_of_the_named_orders(
    alice: BillingProfile, guest: BillingProfile
) -> None:
    Card.objects.add_new(alice, as_card(1))
    Card.objects.add_new(alice, as_card(2), False)
    Card.objects.add_new(guest, as_card(3), order_number="NEEDED")
    Card.objects.add_new(guest, as_card(4), order_number="OTHER")
    assert Card.objects.drop_unsaved([alice, guest], ["NEEDED"]) == 2
    assert sorted(Card.objects.to_detach().values_list("stripe_id", flat=True)) == ["card_2", "card_4"]


# Each card once


@pytest.mark.sampled(3)
@pytest.mark.parametrize("flow", ["token", "alone", "page"])
def test_same_card_is_stored_once(member: Client, simulator: Simulator, flow: str) -> None:
    sent = {"token": {"save": "1"}, "alone": {}, "page": {"save": "0"}}[flow]
    first = add_card(member, **sent).json()
    assert add_card(member, **sent).json() == first
    card = Card.objects.get(active=True)
    assert sources(simulator) == [card.stripe_id]
    assert not Card.objects.to_detach().exists()


@pytest.mark.slow
def test_duplicate_that_stripe_did_not_detach_is_left_to_reconcile(member: Client, simulator: Simulator) -> None:
    add_card(member)
    simulator.add_fault("/v1/customers/*/sources/*", "drop_before", method="DELETE")
    assert add_card(member).status_code == 200
    assert (Card.objects.filter(active=True).count(), Card.objects.to_detach().count()) == (1, 1)


def test_entering_a_card_again_on_the_card_page_saves_it(alice: BillingProfile) -> None:
    card = Card.objects.add_new(alice, as_card(1, "same"), False, "FIRST")
    again = Card.objects.add_new(alice, as_card(2, "same"))
    assert (again, again.is_saved, again.default, again.order_number) == (card, True, True, "")


def test_entering_a_saved_card_without_the_tick_keeps_it_saved(alice: BillingProfile) -> None:
    card = Card.objects.add_new(alice, as_card(1, "same"))
    again = Card.objects.add_new(alice, as_card(2, "same"), False, "FIRST")
    assert (again, again.is_saved, again.default) == (card, True, True)


def test_last_choice_counts_for_a_card_that_is_not_saved(alice: BillingProfile) -> None:
    Card.objects.add_new(alice, as_card(1, "same"), True, "FIRST")
    again = Card.objects.add_new(alice, as_card(2, "same"), False, "NEXT")
    assert (again.is_save_requested, again.order_number) == (False, "NEXT")


def test_renewed_card_replaces_the_old_one(alice: BillingProfile) -> None:
    old = Card.objects.add_new(alice, as_card(1, "same", exp_year=2039))
    new = Card.objects.add_new(alice, as_card(2, "same"), False, "FIRST")
    assert (new.stripe_id, new.is_saved, new.default) == ("card_2", True, True)
    assert list(Card.objects.to_detach()) == [old]


def test_same_card_of_two_shoppers_is_two_cards(alice: BillingProfile, guest: BillingProfile) -> None:
    cards = [Card.objects.add_new(profile, as_card(n, "same")) for n, profile in enumerate([alice, guest])]
    assert [card.active for card in cards] == [True, True]


@pytest.mark.parametrize("changes", [{"fingerprint": None}, {"tokenization_method": "apple_pay"}, {"fingerprint": ""}])
def test_cards_without_a_usable_fingerprint_stay_separate(alice: BillingProfile, changes: dict[str, Any]) -> None:
    for number in (1, 2):
        Card.objects.add_new(alice, as_card(number, "same") | changes)
    assert Card.objects.filter(active=True).count() == 2


def test_database_rejects_a_second_active_card_with_the_same_fingerprint(alice: BillingProfile) -> None:
    Card.objects.add_new(alice, as_card(1, "same"))
    with pytest.raises(IntegrityError), transaction.atomic():
        Card.objects.create(
            billing_profile=alice, stripe_id="card_2", fingerprint="same", last4="1", exp_month=1, exp_year=2040
        )


@pytest.mark.slow
def test_card_that_was_deleted_at_stripe_is_replaced_when_it_is_entered_again(
    member: Client, simulator: Simulator
) -> None:
    add_card(member)
    with simulator.store.transaction():
        simulator.store.remove(Card.objects.get().stripe_id)
    add_card(member)
    assert sources(simulator) == [Card.objects.get(active=True).stripe_id]


def test_token_of_a_card_that_was_removed_since_is_not_answered_with_it(member: Client, simulator: Simulator) -> None:
    token = make_token(simulator)
    add_card(member, token)
    Card.objects.remove(Card.objects.get())
    response = add_card(member, token)
    assert (response.status_code, list(response.json())) == (400, ["error"])


entries = st.tuples(st.integers(1, 3), st.sampled_from([2039, 2040]), st.sampled_from([None, True, False]))


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(st.lists(entries, max_size=6), st.booleans())
def test_entered_cards_are_stored_once_and_saved_only_as_chosen(
    entered: list[tuple[int, int, bool | None]], is_guest: bool
) -> None:
    number = Card.objects.count()
    Card.objects.all().delete()
    user = None if is_guest else make_user(f"user{BillingProfile.objects.count()}@example.org")
    profile = BillingProfile.objects.get(user=user) if user else BillingProfile.objects.create(email="g@example.org")
    chosen, last = set(), {}
    for fingerprint, year, choice in entered:
        number += 1
        card = Card.objects.add_new(profile, as_card(number, f"print{fingerprint}", year), choice)
        assert (card.active, card.fingerprint, card.exp_year) == (True, f"print{fingerprint}", year)
        chosen |= {card.fingerprint} if choice is None and not is_guest else set()
        last[card.fingerprint] = year
    active = Card.objects.filter(active=True)
    assert sorted(active.values_list("fingerprint", "exp_year")) == sorted(last.items())
    assert set(active.filter(is_saved=True).values_list("fingerprint", flat=True)) == chosen
    assert Card.objects.to_detach().count() == len(entered) - len(last)
    assert active.filter(default=True).count() == bool(chosen)


def test_form_returns_the_card_with_the_submitted_id(guest: BillingProfile) -> None:
    first, second = [Card.objects.add_new(guest, as_card(number), order_number="FIRST") for number in (1, 2)]
    forms = [
        CardForm({"card": pk}, billing_profile=guest, order_number="FIRST") for pk in (first.pk, second.pk, 0, "x")
    ]
    assert [form.cleaned_data["card"] if form.is_valid() else None for form in forms] == [first, second, None, None]


def test_end_of_an_order_drops_only_its_own_cards(guest: BillingProfile) -> None:
    used, gone, other = [
        Card.objects.add_new(guest, as_card(number), order_number=order)
        for number, order in ((1, "FIRST"), (2, "FIRST"), (3, "NEXT"))
    ]
    Card.objects.filter(pk=gone.pk).update(active=False, removed_at=timezone.now())  # and detached at Stripe since
    Card.objects.drop_of_order(guest.pk, "FIRST")
    states = {card.pk: (card.active, card.is_detach_due) for card in Card.objects.all()}
    assert states == {used.pk: (False, True), gone.pk: (False, False), other.pk: (True, False)}


@pytest.mark.parametrize(
    ("active", "is_erased", "state"),
    [(False, False, (False, False)), (False, True, None), (True, False, (True, True)), (True, True, (True, True))],
)
def test_detached_card_is_closed_or_deleted_with_its_profile(
    guest: BillingProfile, monkeypatch: pytest.MonkeyPatch, active: bool, is_erased: bool, state: Any
) -> None:
    monkeypatch.setattr("billing.gateway.detach_card", lambda customer, card: None)
    card = Card.objects.add_new(guest, as_card(1), order_number="FIRST")
    Card.objects.filter(pk=card.pk).update(active=active, is_detach_due=True)
    BillingProfile.objects.filter(pk=guest.pk).update(forgotten=timezone.now() if is_erased else None)
    finish_removal(card)
    found = Card.objects.filter(pk=card.pk).first()
    assert (found and (found.active, found.is_detach_due)) == state
