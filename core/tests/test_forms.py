"""Tests of the base classes of forms."""

from typing import Any

import pytest
from django import forms

from core.forms import PlainForm


class NoteForm(PlainForm):
    note = forms.CharField(required=False)


class TitleForm(PlainForm):
    note = forms.CharField(required=False)


@pytest.mark.parametrize(
    "arguments", [{"data": {}}, {"data": {"note": "Ring twice"}}, {"initial": {"note": "Ring twice"}}], ids=str
)
def test_form_with_a_value_or_an_answer_has_no_key(arguments: dict[str, Any]) -> None:
    assert NoteForm(**arguments).empty_key is None


@pytest.mark.parametrize("arguments", [{}, {"initial": {"note": ""}}], ids=str)
def test_empty_forms_of_one_kind_have_one_key(arguments: dict[str, Any]) -> None:
    assert NoteForm(**arguments).empty_key == NoteForm().empty_key is not None


@pytest.mark.parametrize(
    "other",
    [TitleForm(), NoteForm(prefix="second"), NoteForm(auto_id="login-%s"), NoteForm(use_required_attribute=False)],
    ids=["class", "prefix", "ids", "required"],
)
def test_forms_with_other_fields_have_other_keys(other: PlainForm) -> None:
    assert other.empty_key != NoteForm().empty_key
