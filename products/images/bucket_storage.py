"""The storage for pictures in a bucket. Only this module needs the packages of requirements-s3.txt."""

from datetime import datetime
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError
from storages.backends.s3 import S3Storage

CACHE_CONTROL = "public, max-age=31536000, immutable"  # no name is used twice
SECONDS = 10  # to connect, and to wait for an answer


class BucketStorage(S3Storage):
    """A storage whose URLs are `base_url` and the name. They can be cached, because they are never signed."""

    base_url: str
    has_lasting_urls = True

    def get_default_settings(self) -> dict[str, Any]:
        """Return the options, with those that are the same for every bucket."""
        config = Config(connect_timeout=SECONDS, read_timeout=SECONDS, retries={"total_max_attempts": 2})
        return super().get_default_settings() | {
            "base_url": "",
            "client_config": config,
            "default_acl": None,  # the policy of the bucket decides who may read it
            "file_overwrite": False,
            "object_parameters": {"CacheControl": CACHE_CONTROL},
            "querystring_auth": False,
        }

    def get_modified_time(self, name: str) -> datetime:
        """Return when the file was stored. Raise FileNotFoundError if it does not exist, as other storages do."""
        try:
            modified: datetime = super().get_modified_time(name)
        except ClientError as error:
            raise FileNotFoundError(name) from error
        return modified

    def url(self, name: str, *args: Any, **kwargs: Any) -> str:
        """Return the URL of the file of this name."""
        scheme, _colon, place = self.base_url.rstrip("/").partition("//")
        self.url_protocol, self.custom_domain = scheme, place
        return str(super().url(name, *args, **kwargs))
