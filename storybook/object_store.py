"""The media in an object store: django-storages, and what it does not do. It is imported only where
MEDIA_STORE_URL is set, because importing the SDK takes a quarter of a second.

No object is public: nothing here gives one an access list of its own, and browsers get addresses
that are signed for a quarter of an hour.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import io
import mimetypes
import os
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import urljoin

from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
)
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.core.files.base import File
from django.utils.encoding import filepath_to_uri
from storages.backends.s3 import S3Storage
from urllib3.exceptions import HTTPError

from .media_store import Listed, MediaStoreError, partial_folder, sha256_of

# How long an address is good for that a browser gets. A film can be watched that long; whoever goes
# on later loads the page anew.
ADDRESS_SECONDS = 900
# A request may carry so many bytes; what is larger goes in parts.
_MOST_AT_ONCE = 4 << 30
_READ_AHEAD = 1 << 18
_CHUNK = 1 << 20
_TRIES = 3
_LEFT_ALONE_SECONDS = 5.0
_MISSING = frozenset({"404", "NoSuchKey", "NotFound"})


class ObjectStore(S3Storage):
    """The objects below the prefix of a bucket. See MediaStore for what the methods promise."""

    is_remote = True

    def __init__(self, **options: Any) -> None:
        config = Config(
            signature_version="s3v4",
            s3={
                "addressing_style": options.get("addressing_style"),
                # The checksum says what arrived; signing the content would read it once more.
                "payload_signing_enabled": False,
            },
            # A store that is away must not hold up a page, or a worker, for minutes.
            connect_timeout=3,
            read_timeout=60,
            retries={"mode": "standard", "total_max_attempts": _TRIES},
            max_pool_connections=32,
        )
        super().__init__(client_config=config, default_acl=None, file_overwrite=True, **options)
        self._lock = threading.Lock()
        self._made_by = 0
        self._client: Any = None
        self._away_until = 0.0

    @property
    def client(self) -> Any:
        """The SDK's client. It is made for threads, but not for two processes."""
        with self._lock:
            if self._made_by != os.getpid():
                self._client = self._create_session().client(
                    "s3",
                    region_name=self.region_name,
                    endpoint_url=self.endpoint_url,
                    config=self.client_config,
                )
                self._made_by = os.getpid()
        return self._client

    @contextmanager
    def calls(self, name: str = "") -> Iterator[None]:
        """Tell what the SDK raises as what a file raises. Its own words are not taken over: nobody
        knows what a store writes into them. A store that was not reached is left alone for a
        moment: a page that asks it for many files waits for one of them."""
        if time.monotonic() < self._away_until:
            raise MediaStoreError("the object store does not answer", code="store_away")
        try:
            yield
        except ClientError as error:
            raise _error_of(error, name) from None
        except (NoCredentialsError, PartialCredentialsError):
            raise MediaStoreError(
                "there are no credentials of the object store", code="store_refused"
            ) from None
        except (BotoCoreError, Boto3Error, HTTPError) as error:
            if isinstance(error, EndpointConnectionError | ConnectTimeoutError):
                self._away_until = time.monotonic() + _LEFT_ALONE_SECONDS
            raise MediaStoreError(
                f"the object store does not answer ({type(error).__name__})", code="store_away"
            ) from None

    # -- Writing -----------------------------------------------------------------------------------

    def put(
        self, name: str | Path, file: Path, *, sha256: str = "", keeps_file: bool = False
    ) -> None:
        with file.open("rb") as content:
            size = os.fstat(content.fileno()).st_size
            if not sha256:
                sha256 = sha256_of(content)
                content.seek(0)
            self._put(self._key(name), content, size, sha256)
        if not keeps_file:
            file.unlink(missing_ok=True)

    def put_bytes(self, name: str | Path, data: bytes) -> None:
        sha256 = hashlib.sha256(data).hexdigest()
        self._put(self._key(name), io.BytesIO(data), len(data), sha256)

    def _put(self, key: str, content: IO[bytes], size: int, sha256: str) -> None:
        """Store the content and see that it is there. A store shows an object only when it has all
        of it, so a process that is killed here leaves none."""
        where = {"Bucket": self.bucket_name, "Key": key}
        kind = {"ContentType": mimetypes.guess_type(key)[0] or "application/octet-stream"}
        with self.calls(key):
            if size <= _MOST_AT_ONCE:
                self.client.put_object(
                    **where, **kind, Body=content, ContentLength=size, ChecksumSHA256=_told(sha256)
                )
            else:
                self.client.upload_fileobj(content, **where, ExtraArgs=kind)
            if self._sha256_of(key, size) == sha256:
                return
            with suppress(ClientError, BotoCoreError):
                self.client.delete_object(**where)
        raise MediaStoreError(
            "what the object store has is not what it was given", code="store_damaged"
        )

    def _sha256_of(self, key: str, size: int | None = None) -> str:
        """Return the checksum of an object, or "" if it has another size than this one."""
        where = {"Bucket": self.bucket_name, "Key": key}
        head = self.client.head_object(**where, ChecksumMode="ENABLED")
        if size is not None and head["ContentLength"] != size:
            return ""
        told = str(head.get("ChecksumSHA256") or "-")
        if "-" not in told:
            return base64.b64decode(told).hex()
        # The store keeps no checksums, or those of an object's parts only.
        with StoredObject(self, key, head["ContentLength"], head["ETag"]) as stored:
            return sha256_of(io.BufferedReader(stored, _CHUNK))

    def sha256(self, name: str) -> str:
        with self.calls(name):
            return self._sha256_of(self._key(name))

    def delete(self, name: str) -> None:
        with suppress(FileNotFoundError), self.calls(name):
            self.client.delete_object(Bucket=self.bucket_name, Key=self._key(name))

    # -- Reading -----------------------------------------------------------------------------------

    def _open(self, name: str, mode: str = "rb") -> StoredFile:
        if mode != "rb":
            raise ValueError("A stored object is only read: put() stores one.")
        key = self._key(name)
        head = self._head(key)
        stored = StoredObject(self, key, head["ContentLength"], head["ETag"])
        return StoredFile(stored, name, head["LastModified"].timestamp())

    @contextmanager
    def local(self, name: str | Path) -> Iterator[Path]:
        folder = partial_folder()
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"media-{uuid.uuid4().hex}{PurePosixPath(name).suffix}"
        try:
            with self._open(str(name)) as source, path.open("wb") as target:
                while chunk := source.read(_CHUNK):
                    target.write(chunk)
            yield path
        finally:
            path.unlink(missing_ok=True)

    def exists(self, name: str) -> bool:
        try:
            self._head(self._key(name))
        except (FileNotFoundError, SuspiciousOperation):
            return False
        return True

    def size(self, name: str) -> int:
        return int(self._head(self._key(name))["ContentLength"])

    def files(self, folder: str = "") -> Iterator[Listed]:
        prefix = self._key(folder).rstrip("/")
        for page in self._pages(Prefix=f"{prefix}/" if prefix else ""):
            for each in page.get("Contents", ()):
                name = each["Key"].removeprefix(self.location).lstrip("/")
                if not any(part.startswith(".") for part in name.split("/")):
                    yield Listed(name, each["Size"], each["LastModified"].timestamp())

    def folders(self) -> list[str]:
        prefix = f"{self.location}/" if self.location else ""
        return [
            each["Prefix"].removeprefix(prefix).rstrip("/")
            for page in self._pages(Prefix=prefix, Delimiter="/")
            for each in page.get("CommonPrefixes", ())
        ]

    def _pages(self, **asked: str) -> Iterator[dict[str, Any]]:
        with self.calls():
            pages = self.client.get_paginator("list_objects_v2")
            yield from pages.paginate(Bucket=self.bucket_name, **asked)

    def probe(self) -> None:
        """Raise MediaStoreError unless the bucket is there and we may use it."""
        try:
            with self.calls():
                self.client.head_bucket(Bucket=self.bucket_name)
        except FileNotFoundError as error:
            raise MediaStoreError(
                f"it has no bucket {self.bucket_name}", code="store_refused"
            ) from error

    def read_from(self, key: str, start: int, etag: str) -> Any:
        """Return the stream of an object from this place on."""
        answer = self.client.get_object(
            Bucket=self.bucket_name, Key=key, Range=f"bytes={start}-", IfMatch=etag
        )
        return answer["Body"]

    # -- Addresses ---------------------------------------------------------------------------------

    def url(self, name: str | None, *args: Any, **kwargs: Any) -> str:
        return urljoin(settings.MEDIA_URL, filepath_to_uri(name or "").lstrip("/"))

    def signed_url(self, name: str, headers: dict[str, str], *, is_head: bool = False) -> str:
        """Return an address of the store under which a browser gets the file for a while, with
        these headers of the answer. No call is made."""
        with self.calls(name):
            url: str = self.client.generate_presigned_url(
                "head_object" if is_head else "get_object",
                Params={"Bucket": self.bucket_name, "Key": self._key(name)}
                | {f"Response{each.replace('-', '')}": value for each, value in headers.items()},
                ExpiresIn=ADDRESS_SECONDS,
            )
        return url

    def _key(self, name: str | Path) -> str:
        key: str = self._normalize_name(PurePosixPath(name).as_posix().removeprefix("."))
        return key

    def _head(self, key: str) -> dict[str, Any]:
        with self.calls(key):
            head: dict[str, Any] = self.client.head_object(Bucket=self.bucket_name, Key=key)
        return head


class StoredObject(io.RawIOBase):
    """An object that is read as it comes, from any place on. A connection that breaks is made
    again."""

    def __init__(self, store: ObjectStore, key: str, size: int, etag: str) -> None:
        self._store = store
        self._key = key
        self.size = size
        self.etag = etag
        self._place = 0
        self._stream: Any = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self.size}[whence]
        place = max(0, start + offset)
        if place != self._place:
            self._break_off()
            self._place = place
        return place

    def readinto(self, buffer: Any) -> int:
        left = min(len(buffer), self.size - self._place)
        if left <= 0:
            return 0
        with self._store.calls(self._key):
            data = self._read(left)
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)

    def _read(self, count: int) -> bytes:
        for left in reversed(range(_TRIES)):
            try:
                if self._stream is None:
                    self._stream = self._store.read_from(self._key, self._place, self.etag)
                data: bytes = self._stream.read(count)
                if data:
                    return data
            except (BotoCoreError, HTTPError):
                if not left:
                    raise
            self._break_off()
        raise MediaStoreError("the object store ends its answer early", code="store_away")

    def close(self) -> None:
        self._break_off()
        super().close()

    def _break_off(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None


class StoredFile(File):
    """An object as Django's file."""

    def __init__(self, stored: StoredObject, name: str, modified: float) -> None:
        super().__init__(io.BufferedReader(stored, _READ_AHEAD), name)
        self.size = stored.size
        self.etag = stored.etag
        self.modified = modified


def _told(sha256: str) -> str:
    """Return a checksum in the form in which the store takes it."""
    return base64.b64encode(bytes.fromhex(sha256)).decode()


def _error_of(error: ClientError, name: str) -> OSError:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    code = str(error.response.get("Error", {}).get("Code", ""))[:60]
    if code in _MISSING:
        return FileNotFoundError(errno.ENOENT, "The object store does not have it", name)
    if isinstance(status, int) and 400 <= status < 500 and status not in (408, 429):
        return MediaStoreError(f"the object store refuses it ({code})", code="store_refused")
    return MediaStoreError(f"the object store has trouble of its own ({code})", code="store_away")
