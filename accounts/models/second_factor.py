"""The second factor of a member of staff: an app that shows a new code each 30 seconds, and recovery codes."""

import re
import secrets
from base64 import b32encode
from hashlib import sha256
from typing import ClassVar, Self
from urllib.parse import quote, urlencode

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_otp.oath import TOTP
from django_otp.util import random_hex

from accounts.models.users import User
from core.shop.current import current_shop

RECOVERY_CODES = 10
ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # without characters that look alike
RECOVERY_LENGTH, GROUP_LENGTH = 16, 4  # 79 bits, in groups that are easy to copy
TOLERANCE = 1  # steps of 30 seconds before and after the present one


class SecondFactorQuerySet(models.QuerySet["SecondFactor"]):
    """Queryset that finds and removes second factors."""

    def on(self) -> Self:
        """Filter those that sign-in asks for."""
        return self.filter(confirmed__isnull=False)

    def is_on(self, user: User) -> bool:
        """Check whether this user has a second factor that sign-in asks for."""
        return self.on().filter(user=user).exists()

    @transaction.atomic
    def start(self, user: User) -> "SecondFactor":
        """Return a new second factor of this user that is not on yet, or the one that is on."""
        self.filter(user=user, confirmed=None).delete()
        return self.get_or_create(user=user, defaults={"key": random_hex(20)})[0]

    @transaction.atomic
    def turn_off(self, user: User) -> bool:
        """Remove the second factor with its recovery codes, and end all sessions. Return False if it was not on."""
        was_on = self.is_on(user)
        self.filter(user=user).delete()
        if was_on:
            user.sign_ins.end_sessions()
        return was_on


class SecondFactor(models.Model):
    """The app of a user. It is on as soon as a code of it has confirmed that the user can read it."""

    user = models.OneToOneField(User, models.CASCADE, related_name="second_factor", verbose_name=_("user"))
    key = models.CharField(max_length=80, editable=False)  # 20 random bytes as hexadecimal digits
    confirmed = models.DateTimeField(_("on since"), null=True)
    last_step = models.BigIntegerField(default=-1, editable=False)
    drift = models.SmallIntegerField(default=0, editable=False)

    objects: ClassVar[SecondFactorQuerySet] = SecondFactorQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("second factor")
        verbose_name_plural = _("second factors")

    def __str__(self) -> str:
        return f"#{self.pk}"

    @property
    def is_on(self) -> bool:
        """Whether sign-in asks for it."""
        return self.confirmed is not None

    @property
    def key_id(self) -> str:
        """A hash that identifies the key without revealing it."""
        return self._digest("key")

    @property
    def secret(self) -> str:
        """The key in groups of four letters and digits, as apps accept it."""
        text = _base32(self.key)
        return " ".join(text[start : start + 4] for start in range(0, len(text), 4))

    @property
    def url(self) -> str:
        """The URL that the QR code contains."""
        issuer = current_shop().name.replace(":", "")
        values = {"secret": _base32(self.key), "issuer": issuer, "algorithm": "SHA1", "digits": 6, "period": 30}
        return f"otpauth://totp/{quote(issuer)}:{quote(self.user.email)}?{urlencode(values, quote_via=quote)}"

    @transaction.atomic
    def confirm(self) -> list[str]:
        """Turn it on, end all sessions, and return the recovery codes. They are empty if it was already on."""
        now = timezone.now()
        if not SecondFactor.objects.filter(pk=self.pk, confirmed=None).update(confirmed=now):
            return []
        self.confirmed = now
        codes = self.make_recovery_codes()
        self.user.sign_ins.end_sessions()
        return codes

    def use(self, text: str) -> bool:
        """Check a code of the app or a recovery code. Each works once. Return False if it is wrong or was used."""
        code = re.sub(r"[\s-]", "", text).lower()
        if re.fullmatch(r"[0-9]{6}", code):
            return self._use_code_of_app(code)
        return bool(self.recovery_codes.filter(digest=self._digest(code)).delete()[0])

    @transaction.atomic
    def make_recovery_codes(self) -> list[str]:
        """Replace the recovery codes and return the new ones. Only hashes are stored."""
        codes = ["".join(secrets.choice(ALPHABET) for _ in range(RECOVERY_LENGTH)) for _ in range(RECOVERY_CODES)]
        self.recovery_codes.all().delete()
        RecoveryCode.objects.bulk_create(RecoveryCode(factor=self, digest=self._digest(code)) for code in codes)
        return ["-".join(re.findall("." * GROUP_LENGTH, code)) for code in codes]

    def _use_code_of_app(self, code: str) -> bool:
        """Check the code at the present step and its neighbors. Remember how far the clock of the app is off."""
        totp = TOTP(bytes.fromhex(self.key), drift=self.drift)
        totp.time = timezone.now().timestamp()
        if not totp.verify(int(code), TOLERANCE, self.last_step + 1):
            return False
        unused = SecondFactor.objects.filter(pk=self.pk, last_step__lt=totp.t())
        return bool(unused.update(last_step=totp.t(), drift=totp.drift))

    def _digest(self, code: str) -> str:
        """Return the hash of a recovery code. The code is too long to be guessed, so a fast hash is enough."""
        return sha256(f"{self.key}:{code}".encode()).hexdigest()


class RecoveryCode(models.Model):
    """A code for somebody whose app is lost. It works once."""

    factor = models.ForeignKey(SecondFactor, models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)

    class Meta:
        verbose_name = _("recovery code")
        verbose_name_plural = _("recovery codes")

    def __str__(self) -> str:
        return f"#{self.pk}"


def _base32(key: str) -> str:
    return b32encode(bytes.fromhex(key)).decode()
