"""Product pictures in a bucket of a storage that speaks S3, instead of files. See docs/settings.md."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ecommerce.variables import value

LOCAL_URL = "media/"  # where the shop itself serves pictures that are files
FILES = "django.core.files.storage.FileSystemStorage"
BACKEND = "products.images.bucket_storage.BucketStorage"


@dataclass(frozen=True)
class Bucket:
    """The bucket of the pictures. It is false if pictures are files."""

    name: str
    region: str
    endpoint: str  # the URL of the storage, unless it is Amazon's
    public_url: str  # the URL of a server, such as a CDN, that serves the bucket
    other_backend: str  # another storage class, which is used without a bucket

    def __bool__(self) -> bool:
        return bool(self.name)

    @property
    def url(self) -> str:
        """The beginning of the URLs of all pictures. They contain no signature, so they never expire."""
        if not self:
            return LOCAL_URL
        if self.public_url:
            return f"{self.public_url}/"
        if self.endpoint:
            return f"{self.endpoint}/{self.name}/"
        return f"https://{self.name}.s3.{self.region}.amazonaws.com/"

    @property
    def origins(self) -> list[str]:
        """The origin of these URLs, for the content security policy. Empty if the shop serves the pictures."""
        parts = urlsplit(self.url)
        return [f"{parts.scheme}://{parts.netloc}"] if self else []

    @property
    def storage(self) -> dict[str, Any]:
        """The settings of the storage, an entry of STORAGES."""
        if not self:
            return {"BACKEND": self.other_backend or FILES}
        places = {"region_name": self.region or None, "endpoint_url": self.endpoint or None}
        return {"BACKEND": BACKEND, "OPTIONS": places | {"bucket_name": self.name, "base_url": self.url}}


def read_bucket() -> Bucket:
    """Read the bucket from the environment. The keys are read by boto3, or it uses the role of the server."""
    return Bucket(
        name=value("MEDIA_BUCKET"),
        region=value("MEDIA_REGION"),
        endpoint=value("MEDIA_ENDPOINT"),
        public_url=value("MEDIA_PUBLIC_URL"),
        other_backend=value("MEDIA_STORAGE", ""),
    )
