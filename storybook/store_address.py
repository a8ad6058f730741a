"""Reads MEDIA_STORE_URL: which bucket of which object store has the media, and where in it.

Nothing here needs Django or the SDK: the settings are made of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

FORM = "s3://bucket or s3://bucket/prefix"
_url = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?P<prefix>/.*)?", re.ASCII)
_prefix_part = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", re.ASCII)


@dataclass(frozen=True)
class StoreAddress:
    """The place of the media in an object store.

    endpoint: scheme and host of the store. has_own_host: whether the bucket has a host of its own
    there, as Amazon's have; elsewhere the bucket is the first part of the path.
    """

    bucket: str
    prefix: str
    endpoint: str
    region: str
    has_own_host: bool

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    @property
    def origin(self) -> str:
        """Scheme and host of the addresses under which browsers get the files."""
        scheme, _, host = self.endpoint.partition("://")
        return f"{scheme}://{self.bucket}.{host}" if self.has_own_host else self.endpoint

    @property
    def options(self) -> dict[str, Any]:
        """The options of ObjectStore. The credentials are none of them: the SDK finds them."""
        return {
            "bucket_name": self.bucket,
            "location": self.prefix,
            "endpoint_url": self.endpoint,
            "region_name": self.region,
            "addressing_style": "virtual" if self.has_own_host else "path",
        }


def read_store_address(url: str, environment: Mapping[str, str]) -> StoreAddress:
    """Return the place that MEDIA_STORE_URL names. Raises ValueError, which says what is wrong."""
    match = _url.fullmatch(url)
    parts = [part for part in ((match and match["prefix"]) or "").split("/") if part]
    if match is None or not all(map(_prefix_part.fullmatch, parts)):
        raise ValueError(f"MEDIA_STORE_URL={url!r} is no place in an object store: use {FORM}.")
    bucket = match["bucket"]
    named = ("AWS_REGION", "AWS_DEFAULT_REGION")
    region = next(filter(None, (environment.get(name, "").strip() for name in named)), "us-east-1")
    named = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
    endpoint = next(filter(None, (environment.get(name, "").strip() for name in named)), "")
    if endpoint:
        return StoreAddress(bucket, "/".join(parts), _origin(endpoint), region, False)
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    endpoint = f"https://s3.{region}.{domain}"
    # A certificate for *.s3… does not cover a name with more dots.
    return StoreAddress(bucket, "/".join(parts), endpoint, region, "." not in bucket)


def _origin(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    is_origin = parts.path in ("", "/") and not parts.query and not parts.fragment
    if parts.scheme not in ("http", "https") or not is_origin or "@" in parts.netloc:
        raise ValueError(
            "AWS_ENDPOINT_URL_S3 is no address of an object store: use scheme and host, "
            "https://host[:port]."
        )
    if not re.fullmatch(r"[A-Za-z0-9.:\[\]-]+", parts.netloc, re.ASCII):
        raise ValueError("The host in AWS_ENDPOINT_URL_S3 has characters that no host has.")
    return f"{parts.scheme}://{parts.netloc}"
