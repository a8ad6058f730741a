"""gs:// links, and the URL that Cloud Storage's JSON API has for them
(https://cloud.google.com/storage/docs/json_api/v1).

Only links below VIDEO_VERTEX_STORAGE_URI are opened. With any other link, somebody could make our
token read what only we may read.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from django.conf import settings

from videogen.common.errors import DownloadError

# The name of a bucket is longer than 63 characters only if it has dots in it.
_BUCKET = r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]"
_GS = re.compile(rf"gs://({_BUCKET})/([^/\s\\?#]+(?:/[^/\s\\?#]+)*)")
_PREFIX = re.compile(rf"gs://{_BUCKET}((?:/[^/\s\\?#]+)*)/?")


def is_prefix(uri: str) -> bool:
    """Whether videos can be stored below this URI: gs://bucket, or a folder in a bucket."""
    match = _PREFIX.fullmatch(uri)
    return match is not None and not {".", ".."} & set(match[1].split("/"))


def is_gs(uri: str) -> bool:
    return uri[:5].lower() == "gs://"


def split_gs(uri: str) -> tuple[str, str]:
    """Return the bucket and the name of the object. Raises ValueError if the link does not lead to
    an object."""
    match = _GS.fullmatch(uri)
    if match is None or not uri.isprintable() or {".", ".."} & set(match[2].split("/")):
        raise ValueError("This is not a link to an object in Cloud Storage (gs://bucket/object).")
    return match[1], match[2]


def object_url(uri: str) -> str:
    """Return the URL of the object's bytes. Raises DownloadError if we must not open the link."""
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
    """Return the name of our bucket; empty if videos come within the answers."""
    return settings.VIDEO_VERTEX_STORAGE_URI.removeprefix("gs://").partition("/")[0]


def prefix_of(token: str) -> str:
    """Return the gs:// prefix, with a slash at its end, below which Vertex AI stores the video of
    the submission with this token. Empty if videos come within the answers."""
    base = settings.VIDEO_VERTEX_STORAGE_URI.rstrip("/")
    if not base:
        return ""
    return f"{base}/{token}/" if token else f"{base}/"
