"""Generated products, as real shops have them: shared pictures, long descriptions, variants and varied stock.

The values of a product depend only on its number, so a catalog can grow later and stays the same.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from django.utils.text import slugify

from products.models import Category, Picture, Product

# The sample catalog has the first seven of these twelve categories. Each has a parent or None, and its things.
CATEGORIES: dict[str, tuple[str | None, tuple[str, ...]]] = {
    "Kitchen": (None, ("kettle", "chopping board", "rolling pin", "colander")),
    "Mugs & cups": ("Kitchen", ("mug", "espresso cup", "tumbler", "beaker")),
    "Bowls & plates": ("Kitchen", ("bowl", "dinner plate", "platter", "ramekin")),
    "Living": (None, ("bookend", "wall clock", "picture frame", "mirror")),
    "Candles & light": ("Living", ("candle", "candlestick", "table lamp", "lantern")),
    "Storage & stools": ("Living", ("basket", "stool", "storage jar", "chest")),
    "Vases & planters": ("Living", ("vase", "planter", "bud vase", "pitcher")),
    "Textiles": (None, ("curtain", "rug", "doormat", "wall hanging")),
    "Throws & cushions": ("Textiles", ("throw", "cushion", "blanket", "bolster")),
    "Table linen": ("Textiles", ("tablecloth", "napkin set", "runner", "tea towel")),
    "Garden": (None, ("watering can", "bird bath", "garden bench", "sundial")),
    "Garden pots": ("Garden", ("flower pot", "trough", "hanging pot", "seed tray")),
}
MATERIALS = ("Stoneware", "Porcelain", "Oak", "Walnut", "Brass", "Linen", "Wool", "Willow", "Glass", "Enamel", "Slate")
STYLES = ("ribbed", "plain", "speckled", "hand-thrown", "tall", "low", "round", "footed", "fluted", "narrow", "lidded")
COLORS = ("teal", "oat", "black", "cream", "rust", "sage", "indigo", "ochre", "chalk", "smoke", "amber", "moss")
SENTENCES = (
    "The {thing} in {material} has a {style} shape with a {color} finish that catches the light of a bright room.",
    "Each piece is made by hand in a small workshop near {place}, so that no two of them look quite the same.",
    "It measures {size} cm at its widest point, weighs about {weight} grams and stands firmly on every table.",
    "The {color} surface is easy to clean with warm water and a soft cloth, and it keeps its color for years.",
    "We pack every {thing} in recycled card without plastic, and we replace it free of charge if it arrives broken.",
    "It goes well with the other pieces of the {place} series, which come in {other}, {color} and several more colors.",
    "The makers use {material} from sources within a day of {place} and fire or finish it with renewable power.",
    "A felt base protects furniture from scratches, and the {style} rim makes it comfortable to hold in one hand.",
    "Customers like to give this {thing} as a present for a new home, a wedding or the first day of a long holiday.",
)
SENTENCES_EACH = 4  # of about 20 words
PLACES = ("Falmouth", "Bath", "Whitby", "Ludlow", "Hexham", "Lewes", "Kendal", "Wells", "Stromness", "Tenby")
FAMILY = 12  # Of so many neighboring products, the first VARIANTS are variants of one group.
VARIANTS = 3
PICTURED_TWICE = 4  # Every product whose number is divisible by this has an additional picture.


@dataclass(frozen=True)
class SharedPicture:
    """An image file that several products show, with its size in pixels."""

    image: str
    image_width: int | None
    image_height: int | None


def sku_of(number: int) -> str:
    return f"LOAD-{number:06d}"


def shared_pictures() -> list[SharedPicture]:
    """Return the pictures of the sample products. Their renditions exist already."""
    names = ("image", "image_width", "image_height")
    rows = Product.objects.exclude(image="").exclude(sku__startswith="LOAD-").order_by("sku").values_list(*names)
    return [SharedPicture(*row) for row in rows]


def create_categories() -> list[Category]:
    """Return the twelve categories, and create those that are missing."""
    found: dict[str, Category] = {}
    for title, (parent, _things) in CATEGORIES.items():
        defaults = {"parent": found[parent] if parent else None}
        # A shop can have several categories with one title.
        found[title] = Category.objects.filter(title=title).order_by("pk").first() or Category.objects.create(
            title=title, **defaults
        )
    return list(found.values())


def products_of(numbers: Iterable[int], categories: list[Category], pictures: list[SharedPicture]) -> Iterator[Product]:
    """Yield the products with these numbers, which are not saved."""
    for number in numbers:
        random = Random(number // FAMILY if _is_variant(number) else number)  # noqa: S311 - variants are alike
        category = categories[random.randrange(len(categories))]
        yield _product(number, random, category, pictures)


def additional_pictures(products: Iterable[Product], pictures: list[SharedPicture]) -> Iterator[Picture]:
    """Yield additional pictures of some of these products, which must be saved."""
    for product in products:
        number = int(product.sku.removeprefix("LOAD-"))
        if pictures and number % PICTURED_TWICE == 0:
            yield Picture(product=product, **vars(pictures[(number // PICTURED_TWICE + 1) % len(pictures)]))


def _is_variant(number: int) -> bool:
    return number % FAMILY < VARIANTS


def _product(number: int, random: Random, category: Category, pictures: list[SharedPicture]) -> Product:
    """Return a product. The values that variants share are drawn first, then those that are their own."""
    thing = random.choice(CATEGORIES[category.title][1])
    words = {"thing": thing, "material": random.choice(MATERIALS), "style": random.choice(STYLES)}
    description, price = _description(random, words), _price(random)
    random = Random(f"product {number}")  # noqa: S311
    color = COLORS[number % FAMILY] if _is_variant(number) else random.choice(COLORS)
    title = f"{words['material']} {thing}, {words['style']}, {color}, no. {number}"
    image = vars(pictures[random.randrange(len(pictures))]) if pictures else {}
    variant = {"group": f"LOAD-{number // FAMILY}", "option": "Colour", "choice": color.capitalize()}
    return Product(
        sku=sku_of(number),
        title=title,
        slug=slugify(title),
        description=description,
        category=category,
        price=price,
        weight=random.randrange(50, 4000, 10),
        stock=_stock(random),
        **image,
        **(variant if _is_variant(number) else {}),
    )


def _description(random: Random, words: dict[str, str]) -> str:
    """Return a text of about 80 words."""
    color, other = random.sample(COLORS, 2)
    values = words | {"material": words["material"].lower(), "color": color, "other": other}
    values |= {"place": random.choice(PLACES), "size": str(random.randrange(8, 60))}
    values["weight"] = str(random.randrange(50, 4000, 50))
    return " ".join(sentence.format_map(values) for sentence in random.sample(SENTENCES, SENTENCES_EACH))


def _price(random: Random) -> Decimal:
    """Return a price from 3.50 to 300. Cheap products are more frequent."""
    pounds = 3 + int(296 * random.random() ** 3)
    return Decimal(pounds) + random.choice([Decimal("0.50"), Decimal("0.95"), Decimal("0.99"), Decimal(1)])


def _stock(random: Random) -> int | None:
    """Return a stock: sometimes unlimited, sold out or low, otherwise plenty."""
    chance = random.random()
    if chance < 0.1:
        return None
    if chance < 0.15:
        return 0
    return random.randint(1, 5) if chance < 0.25 else random.randint(6, 500)
