"""A test for admins that are put together from mixins, which must not replace each other's methods by accident."""

import inspect
from itertools import pairwise

import pytest
from django.contrib import admin

SHOP = ("core", "products", "accounts", "billing", "addresses", "carts", "orders", "ecommerce")


def clashes(page: type) -> list[str]:
    """Return the methods that two unrelated classes of this admin define, and that do not call each other.

    A method that Django calls can be in several mixins if each calls `super()`.
    """
    owners: dict[str, list[type]] = {}
    for base in page.__mro__:
        if base.__module__.split(".")[0] in SHOP:
            for name, value in vars(base).items():
                if inspect.isfunction(value):
                    owners.setdefault(name, []).append(base)
    return [
        f"{name}: {first.__name__} and {second.__name__}"
        for name, classes in owners.items()
        for first, second in pairwise(classes)
        if not issubclass(first, second) and "super()" not in inspect.getsource(vars(first)[name])
    ]


@pytest.mark.parametrize("page", [type(page) for page in admin.site._registry.values()], ids=lambda page: page.__name__)
def test_mixins_of_an_admin_do_not_replace_methods_of_each_other(page: type) -> None:
    assert clashes(page) == []


def test_clash_of_two_mixins_is_found() -> None:
    class First:
        __module__ = "orders.admin.first"

        def finish(self) -> None: ...

    class Second:
        __module__ = "orders.admin.second"

        def finish(self) -> None: ...

    assert clashes(type("Page", (First, Second), {})) == ["finish: First and Second"]
