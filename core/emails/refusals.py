"""Errors while sending an email message: which are final, and what the logs and staff may see of them.

The text of an error often contains the recipient's address, so only its code is shown.
"""

import re
import traceback
from pathlib import Path
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPResponseException

# RFC 5321: answers that reject the recipient. In response to RCPT, the other 5xx except OURS do too.
MAILBOX_CODES = frozenset({550, 551, 553, 556})
# Commands, authentication, storage and hosts. A full mailbox (552) can be emptied, the rest concerns our server.
OURS = frozenset({500, 502, 503, 504, 521, 530, 534, 535, 538, 552})
# RFC 3463: an extended code has a class, a subject and a detail. Subjects: 1 is the address, 2 the mailbox.
EXTENDED_CODE = re.compile(rb"5\.(\d{1,3})\.(\d{1,3})\b")
ADDRESS, MAILBOX, UNDEFINED = 1, 2, 0
ABOUT_SENDER, MAILBOX_FULL = (7, 8), 2
MAX_LENGTH = 80  # of a description


def is_final(error: Exception) -> bool:
    """Check whether the mail server will never accept this message for its recipient, so that a retry does not help.

    Refused logins, relaying, the sender's address and policies concern the shop's own settings or reputation. They
    are not final, because messages can be delivered as soon as the operator has corrected them.
    """
    if isinstance(error, SMTPRecipientsRefused):
        answers = error.recipients.values()
        return bool(answers) and all(_rejects_recipient(code, text, 500 <= code <= 599) for code, text in answers)
    return isinstance(error, SMTPDataError) and _rejects_recipient(error.smtp_code, error.smtp_error, False)


def describe(error: Exception) -> str:
    """Return the mail server's code, such as 550 5.1.1, or else the kind of error and its place in the code."""
    answers: list[tuple[int, bytes | str]] = (
        [*error.recipients.values()] if isinstance(error, SMTPRecipientsRefused) else []
    )
    if isinstance(error, SMTPResponseException):
        answers = [(error.smtp_code, error.smtp_error)]
    if answers:
        code, text = answers[0]
        extended = re.match(rb"\d\.\d{1,3}\.\d{1,3}\b", _bytes(text))
        return f"{code} {extended[0].decode()}" if extended else str(code)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"[:MAX_LENGTH]


def _rejects_recipient(code: int, text: bytes | str, is_default: bool) -> bool:
    extended = EXTENDED_CODE.match(_bytes(text))
    subject, detail = map(int, extended.groups()) if extended else (UNDEFINED, 0)
    if subject == ADDRESS:
        return detail not in ABOUT_SENDER
    if subject == MAILBOX:
        return detail != MAILBOX_FULL
    return subject == UNDEFINED and (code in MAILBOX_CODES or (is_default and code not in OURS))


def _bytes(text: bytes | str) -> bytes:
    return text if isinstance(text, bytes) else text.encode()
