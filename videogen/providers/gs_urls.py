"""gs:// links below the place that VIDEO_VERTEX_STORAGE_URI names: what to GET for one, by Cloud
Storage's JSON API (https://cloud.google.com/storage/docs/json_api/v1). Others are not
opened: our token would read for anybody what only we may read."""

from __future__ import annotations

import re
from urllib.parse import quote

from django.conf import settings

from videogen.common.errors import DownloadError

# With dots in it, a bucket's name may be long.
_BUCKET = r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]"
_GS = re.compile(rf"gs://({_BUCKET})/([^/\s\\?#]+(?:/[^/\s\\?#]+)*)")
_PREFIX = re.compile(rf"gs://{_BUCKET}((?:/[^/\s\\?#]+)*)/?")


def is_prefix(uri: str) -> bool:
    """Whether videos can be put below it: gs://bucket, or a folder in one."""
    match = _PREFIX.fullmatch(uri)
    return match is not None and not {".", ".."} & set(match[1].split("/"))


def is_gs(uri: str) -> bool:
    return uri[:5].lower() == "gs://"


def split_gs(uri: str) -> tuple[str, str]:
    """Bucket and object. Raises ValueError where the link leads to no object."""
    match = _GS.fullmatch(uri)
    if match is None or not uri.isprintable() or {".", ".."} & set(match[2].split("/")):
        raise ValueError("This is no link to an object in Cloud Storage (gs://bucket/object).")
    return match[1], match[2]


def object_url(uri: str) -> str:
    """What to GET for the object's bytes. Raises DownloadError where it is not ours to open."""
    try:
        bucket, name = split_gs(uri)
    except ValueError as error:
        raise DownloadError(str(error), code="bad_link", permanent=True) from error
    if not own_bucket() or not uri.startswith(prefix_of("")):
        raise DownloadError(
            f"The link leads into the bucket {bucket}, to a place that is not below "
            "VIDEO_VERTEX_STORAGE_URI.",
            code="host_not_allowed",
            permanent=True,
        )
    return f"{objects_url(bucket)}/{quote(name, safe='')}?alt=media"


def objects_url(bucket: str) -> str:
    return f"{settings.VIDEO_STORAGE_BASE_URL}/storage/v1/b/{bucket}/o"


def own_bucket() -> str:
    """Empty where videos come within the answers."""
    return settings.VIDEO_VERTEX_STORAGE_URI.removeprefix("gs://").partition("/")[0]


def prefix_of(token: str) -> str:
    """Where the video of the submission with this token lands: a gs:// prefix that ends with a
    slash. Empty where videos come within the answers."""
    base = settings.VIDEO_VERTEX_STORAGE_URI.rstrip("/")
    if not base:
        return ""
    return f"{base}/{token}/" if token else f"{base}/"
