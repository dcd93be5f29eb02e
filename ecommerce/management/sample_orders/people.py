"""The sample customers: users and guests in four countries, each with a postal address and a card."""

import string
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from django.contrib.auth.hashers import make_password

from accounts.models import User
from addresses.models import Address
from billing.models import BillingProfile, Card
from core.text.folding import variants
from stripe_simulator.history import PastCard

GUEST_OF = 3  # Every third customer orders as a guest.
DOMAIN = "example.org"
FIRST_CARD = 1000  # The last four digits of the cards are all different up to this many customers: 9000.


@dataclass(frozen=True)
class Country:
    """A country with names, streets and towns. A town has its postcode and the key of its region."""

    code: str
    language: str
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    streets: tuple[str, ...]
    towns: tuple[tuple[str, str, str], ...]
    number_first: bool = True


COUNTRIES = (
    Country(
        "GB", "en", ("Amelia", "Oliver", "Isla", "George", "Ava", "Noah", "Freya", "Arthur", "Zoë", "Siân"),
        ("Smith", "Jones", "Taylor", "O'Brien", "Williams", "Davies", "Evans", "Brontë", "Walker", "Wright"),
        ("High Street", "Station Road", "Church Lane", "Mill Lane", "The Crescent", "Park Avenue"),
        (("Bath", "BA1 1AA", ""), ("Leeds", "LS1 4AP", ""), ("London", "SW1A 2AA", ""), ("Cardiff", "CF10 1EP", "")),
    ),
    Country(
        "DE", "de", ("Jürgen", "Anna", "Björn", "Lena", "Käthe", "Max", "Sören", "Mia", "Günter", "Elif"),
        ("Müller", "Schäfer", "Groß", "Weiß", "Köhler", "Böhm", "Jäger", "Schmidt", "Krüger", "Öztürk"),
        ("Königstraße", "Hauptstraße", "Gartenweg", "Lindenallee", "Bahnhofstraße", "Am Schloß"),
        (("München", "80331", ""), ("Köln", "50667", ""), ("Berlin", "10115", ""), ("Düsseldorf", "40213", "")),
        number_first=False,
    ),
    Country(
        "FR", "en", ("Chloé", "Louis", "Éloïse", "Jules", "Léa", "François", "Zoé", "Hugo", "Anaïs", "René"),
        ("Martin", "Lefèvre", "Dubois", "Bézier", "Moreau", "Garçon", "Laurent", "Noël", "Girard", "Crépin"),
        ("rue de la Paix", "avenue Foch", "rue du Château", "boulevard Voltaire", "rue des Écoles"),
        (("Paris", "75002", ""), ("Lyon", "69001", ""), ("Nîmes", "30000", ""), ("Besançon", "25000", "")),
    ),
    Country(
        "US", "en", ("Emma", "Liam", "Sophia", "Mason", "Harper", "José", "Evelyn", "Logan", "Abigail", "Owen"),
        ("Johnson", "Brown", "Garcia", "Miller", "Wilson", "Muñoz", "Anderson", "Thomas", "Lee", "Harris"),
        ("Main Street", "Oak Avenue", "Maple Drive", "Washington Boulevard", "Cedar Court"),
        (
            ("Portland", "97201", "OR"), ("Austin", "73301", "TX"), ("Boston", "02108", "MA"),
            ("Denver", "80202", "CO"),
        ),
    ),
)  # fmt: skip
SHARES = (50, 25, 15, 10)  # of the customers, in percent


@dataclass(frozen=True)
class Customer:
    """A customer before and after their rows are stored."""

    number: int
    country: Country
    name: str
    email: str
    address: dict[str, str]
    last4: str
    is_member: bool

    @property
    def customer_id(self) -> str:
        return f"cus_seed{self.number:08d}"

    @property
    def past_card(self) -> PastCard:
        number = f"seed{self.number:08d}"
        return PastCard(
            f"card_{number}", self.customer_id, self.last4, f"fingerprint{number}", 2040, is_attached=self.is_member
        )


def customer_of(number: int) -> Customer:
    """Return the customer with this number."""
    random = Random(f"customer {number}")  # noqa: S311 - the same each time
    country = random.choices(COUNTRIES, SHARES)[0]
    name = f"{random.choice(country.first_names)} {random.choice(country.last_names)}"
    plain = "".join(sign for sign in variants(name)[-1] if sign in string.ascii_lowercase + " ").replace(" ", ".")
    town, postcode, region = random.choice(country.towns)
    parts = [str(random.randrange(1, 240)), random.choice(country.streets)]
    address = {
        "name": name, "line_1": " ".join(parts if country.number_first else parts[::-1]), "line_2": "",
        "city": town, "state": region, "postal_code": postcode, "country": country.code,
    }  # fmt: skip
    last4 = f"{FIRST_CARD + number * 7919 % (10_000 - FIRST_CARD):04d}"
    return Customer(number, country, name, f"{plain}.{number}@{DOMAIN}", address, last4, number % GUEST_OF != 0)


@dataclass(frozen=True)
class StoredCustomer:
    """A customer with their rows."""

    customer: Customer
    profile: BillingProfile
    address: Address
    card: Card


def stored_customers(numbers: Iterable[int]) -> dict[int, StoredCustomer]:
    """Return the customers whose rows are stored, by number."""
    customers = {customer.customer_id: customer for customer in map(customer_of, numbers)}
    profiles = BillingProfile.objects.filter(customer_id__startswith="cus_seed").prefetch_related("addresses", "cards")
    return {
        customer.number: StoredCustomer(customer, profile, profile.addresses.all()[0], profile.cards.all()[0])
        for profile in profiles
        if (customer := customers.get(profile.customer_id))
    }


def store_customers(customers: list[Customer], now: datetime) -> None:
    """Store the rows of new customers. The users can set a password with the link for a forgotten one."""
    joined = {customer.number: now - timedelta(days=370, minutes=customer.number) for customer in customers}
    members = [customer for customer in customers if customer.is_member]
    unusable = make_password(None)
    users = User.objects.bulk_create(
        User(
            email=row.email, email_verified=row.email, name=row.name, password=unusable,
            language=row.country.language, date_joined=joined[row.number],
        )
        for row in members
    )  # fmt: skip
    user_of = dict(zip((row.number for row in members), users, strict=True))
    profiles = BillingProfile.objects.bulk_create(
        BillingProfile(
            user=user_of.get(row.number), email=row.email, customer_id=row.customer_id, customer_email=row.email,
            timestamp=joined[row.number], updated=now,
        )
        for row in customers
    )  # fmt: skip
    pairs = list(zip(customers, profiles, strict=True))
    Address.objects.bulk_create(
        Address(billing_profile=profile, timestamp=joined[row.number], **row.address) for row, profile in pairs
    )
    Card.objects.bulk_create(_card(row, profile, joined[row.number]) for row, profile in pairs)


def _card(customer: Customer, profile: BillingProfile, entered: datetime) -> Card:
    """Return the saved card of a user, or the removed one of a guest."""
    card, is_saved = customer.past_card, customer.is_member
    return Card(
        billing_profile=profile, stripe_id=card.id, fingerprint=card.fingerprint, brand="Visa",
        country=customer.country.code, last4=card.last4, exp_month=12, exp_year=card.exp_year, default=is_saved,
        active=is_saved, is_saved=is_saved, timestamp=entered, entered_at=entered,
        removed_at=None if is_saved else entered,
    )  # fmt: skip
