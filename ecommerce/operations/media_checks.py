"""System checks for pictures in a bucket. Each message has an id and a hint, and stops the start."""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from ecommerce.object_storage import Bucket

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
PACKAGES = ("storages", "boto3")


@register
def check_bucket(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Return errors E021 to E026 if the settings of the bucket are incomplete or contradict each other."""
    bucket: Bucket = settings.MEDIA_BUCKET
    return list(_check_bucket(bucket) if bucket else _check_unused(bucket))


def _check_unused(bucket: Bucket) -> Iterator[CheckMessage]:
    if bucket.region or bucket.endpoint or bucket.public_url:
        yield Error(
            "MEDIA_BUCKET is not set, but settings of a bucket are.",
            hint="Set MEDIA_BUCKET, or unset MEDIA_REGION, MEDIA_ENDPOINT and MEDIA_PUBLIC_URL.",
            id="shop.E021",
        )


def _check_bucket(bucket: Bucket) -> Iterator[CheckMessage]:
    if not bucket.region and not bucket.endpoint:
        yield Error(
            "It is not known where the bucket MEDIA_BUCKET is.",
            hint="Set MEDIA_REGION for Amazon S3, or MEDIA_ENDPOINT for another storage.",
            id="shop.E022",
        )
    if bucket.other_backend:
        yield Error("MEDIA_BUCKET and MEDIA_STORAGE are both set.", hint="Unset one of the two.", id="shop.E023")
    if len([name for name in KEYS if os.environ.get(name, "").strip()]) == 1:
        yield Error(
            "One of the keys of the bucket is missing.",
            hint=f"Set both {' and '.join(KEYS)}, or neither if the server has a role.",
            id="shop.E024",
        )
    if settings.IS_TLS and not bucket.url.startswith("https://"):
        yield Error(
            "The pictures have http URLs, which browsers do not load in https pages.",
            hint="Set MEDIA_PUBLIC_URL to a URL that begins with https://.",
            id="shop.E025",
        )
    if missing := [package for package in PACKAGES if find_spec(package) is None]:
        yield Error(
            f"Packages are missing: {', '.join(missing)}.",
            hint="Run `pip install -r requirements-s3.txt`.",
            id="shop.E026",
        )
