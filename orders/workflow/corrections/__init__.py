"""Corrections of placed orders by staff, and their notes."""

from orders.workflow.corrections.addresses import correct_address, place_of
from orders.workflow.corrections.emails import correct_email
from orders.workflow.corrections.notes import NoteRejected, add_note
from orders.workflow.corrections.rules import CorrectionRejected, fingerprint, obstacle
from orders.workflow.corrections.tracking import correct_tracking

__all__ = [
    "CorrectionRejected", "NoteRejected", "add_note", "correct_address", "correct_email", "correct_tracking",
    "fingerprint", "obstacle", "place_of",
]  # fmt: skip
