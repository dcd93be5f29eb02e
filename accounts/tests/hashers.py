"""Password hasher that counts its calls, so that tests compare work instead of measuring time."""

from typing import ClassVar

from django.contrib.auth.hashers import MD5PasswordHasher


class CountingHasher(MD5PasswordHasher):
    """A fast hasher that counts how often a password was hashed."""

    algorithm = "counted"
    count: ClassVar[int] = 0

    def encode(self, password: str, salt: str) -> str:
        CountingHasher.count += 1
        return super().encode(password, salt)
