"""Tests for the answers of mail servers: which are final for a message, and what logs and staff see of them."""

from smtplib import (
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPDataError,
    SMTPHeloError,
    SMTPRecipientsRefused,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)

import pytest

from core.emails.refusals import describe, is_final

ADDRESS = "ann@example.org"


def refused(code: int, text: str = "no") -> SMTPRecipientsRefused:
    return SMTPRecipientsRefused({ADDRESS: (code, text.encode())})


@pytest.mark.parametrize(
    "error",
    [
        refused(550), refused(551), refused(553), refused(554), refused(501), refused(556, "5.1.10 null MX"),
        refused(550, f"5.1.1 <{ADDRESS}>: user unknown"), refused(554, "5.1.1 no"), refused(550, "5.2.1 disabled"),
        refused(550, "5.0.0 no"), SMTPDataError(550, b"5.1.1 no such user"), SMTPDataError(550, b"no"),
    ],
)  # fmt: skip
def test_answer_about_the_recipient_is_final(error: Exception) -> None:
    assert is_final(error)


@pytest.mark.parametrize(
    "error",
    [
        # temporary
        refused(450), refused(421, "4.7.0 try later"), refused(451, "4.7.1 greylisted"), refused(452, "4.2.2 full"),
        SMTPDataError(451, b"4.3.0 try later"), SMTPServerDisconnected("closed"), TimeoutError("timed out"),
        ConnectionRefusedError(111, "refused"), SMTPRecipientsRefused({}),
        # a full mailbox can be emptied
        refused(552), refused(552, "5.2.2 full"), refused(550, "5.2.2 full"),
        # our settings or our reputation
        SMTPAuthenticationError(535, b"5.7.8 bad password"), SMTPSenderRefused(550, b"5.1.0 no", "shop@shop.example"),
        SMTPSenderRefused(530, b"5.7.0 log in first", "shop@shop.example"), SMTPConnectError(554, b"blocked"),
        SMTPHeloError(550, b"no"), refused(530), refused(554, "5.7.1 relay access denied"), refused(503),
        refused(550, "5.7.26 unauthenticated sender"), refused(550, "5.1.8 bad sender domain"),
        SMTPDataError(554, b"5.7.1 looks like spam"), SMTPDataError(554, b"no"), SMTPDataError(552, b"5.3.4 too big"),
    ],
)  # fmt: skip
def test_other_failure_is_not_final(error: Exception) -> None:
    assert not is_final(error)


def test_message_is_refused_only_if_all_its_recipients_are() -> None:
    answers = {ADDRESS: (550, b"no"), "bo@example.org": (450, b"later")}
    assert not is_final(SMTPRecipientsRefused(answers))


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (refused(550, f"5.1.1 <{ADDRESS}>: user unknown"), "550 5.1.1"),
        (refused(550, f"{ADDRESS} is unknown"), "550"),
        (SMTPDataError(554, f"5.7.1 {ADDRESS}".encode()), "554 5.7.1"),
        (SMTPSenderRefused(550, b"5.1.0 no", ADDRESS), "550 5.1.0"),
        (ValueError(f"Invalid address {ADDRESS}"), "ValueError"),
    ],
)
def test_description_of_a_failure_has_no_address(error: Exception, text: str) -> None:
    assert describe(error) == text


def test_description_of_an_error_in_the_code_names_its_place() -> None:
    with pytest.raises(KeyError) as caught:
        {}[ADDRESS]
    assert describe(caught.value).startswith("KeyError at test_refusals.py:")
