"""Tests for the declared environment variables and for the documents that are made from them."""

import runpy
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as shop

from ecommerce import object_storage, variables
from ecommerce.operations.settings_documents import DOCUMENTS
from tests.test_settings import PRODUCTION


@pytest.mark.parametrize("name", DOCUMENTS)
def test_document_is_made_from_the_declared_variables(name: str) -> None:
    assert (Path(shop.BASE_DIR) / name).read_text() == DOCUMENTS[name](), "Run: make settings"


def test_settings_read_exactly_the_declared_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names: set[str] = set()
    value = variables.value

    def record(name: str, *default: Any) -> Any:
        names.add(name)
        return value(name, *default)

    for module in (variables, object_storage):
        monkeypatch.setattr(module, "value", record)
    for name, text in (PRODUCTION | {"VAR_DIR": str(tmp_path)}).items():
        monkeypatch.setenv(name, text)
    runpy.run_path(str(Path(shop.BASE_DIR) / "ecommerce" / "settings.py"))
    assert names == set(variables.VARIABLES)


def test_every_declared_default_is_valid() -> None:
    for variable in variables.VARIABLES.values():
        if variable.text:
            variable.read(variable.text)
