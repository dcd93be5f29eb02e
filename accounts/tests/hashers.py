"""A password hasher that counts its work: equal work is equal time, and needs no clock."""

from typing import ClassVar

from django.contrib.auth.hashers import MD5PasswordHasher


class CountingHasher(MD5PasswordHasher):
    """Quick, and counts how often a password was hashed."""

    algorithm = "counted"
    count: ClassVar[int] = 0

    def encode(self, password: str, salt: str) -> str:
        CountingHasher.count += 1
        return super().encode(password, salt)
