"""One small interface to objects, over S3 or over a local directory.

Belongs here: get, put, conditional put, list, delete and the translation of their failures.
Does not: what the objects mean, and where credentials come from (`settings.py`).
"""

from __future__ import annotations

import base64
import errno
import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from data_pipeline.common.errors import PermanentError, PipelineError, TransientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class PreconditionFailedError(PipelineError):
    """A conditional put found the object in another state than the writer had seen."""


class _MissingObjectError(PermanentError):
    """No object has that key."""


@dataclass(frozen=True)
class StoredObject:
    """An object's bytes with the tag that names this version of it."""

    data: bytes
    etag: str


@dataclass(frozen=True)
class ObjectInfo:
    """What a listing or a HEAD tells."""

    key: str
    size: int
    etag: str


class ObjectStore(Protocol):
    """Objects by key. Every method raises TransientError or PermanentError, naming the object."""

    def url(self, key: str) -> str:
        """The address that manifests carry, such as `s3://bucket/key`."""
        ...

    def key(self, url: str) -> str:
        """The key behind an address of this store; PermanentError for another store's."""
        ...

    def find(self, key: str) -> StoredObject | None:
        """The object, or None where there is none."""
        ...

    def get(self, key: str) -> bytes:
        """The object's bytes; PermanentError where there is none."""
        ...

    def head(self, key: str) -> ObjectInfo | None:
        """Size and tag, or None where there is none."""
        ...

    def put(self, key: str, data: bytes) -> str:
        """Write whole or not at all; returns the tag."""
        ...

    def create(self, key: str, data: bytes) -> str:
        """Write only where nothing is yet, or these very bytes; PreconditionFailedError otherwise."""
        ...

    def replace(self, key: str, data: bytes, etag: str) -> str:
        """Write only over the version with that tag, or these very bytes; PreconditionFailedError otherwise."""
        ...

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """All objects below a prefix, by key."""
        ...

    def delete(self, key: str) -> None:
        """Remove the object; nothing happens where there is none."""
        ...

    def download(self, key: str, path: Path) -> None:
        """Copy the object into a file, whole or not at all."""
        ...


@dataclass
class S3ObjectStore:
    """Objects in one S3 bucket (AWS, or any server that honours If-None-Match and If-Match on put).

    Attributes:
        bucket: the bucket's name.
        endpoint_url: the server, or None for AWS.
        region: the region to sign for.
        credentials: access key, secret key and session token, or None for the standard AWS chain.
        prefix: put before every key, such as `tests/a/`.
    """

    bucket: str
    endpoint_url: str | None = None
    region: str = "us-east-1"
    credentials: tuple[str, str, str | None] | None = field(default=None, repr=False)
    prefix: str = ""
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 60.0
    max_attempts: int = 5

    def __post_init__(self) -> None:
        self._client: S3Client | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_client": None}

    @property
    def client(self) -> S3Client:
        """The boto3 client, made at first use (it is thread-safe)."""
        if self._client is None:
            import boto3
            from botocore.config import Config

            access, secret, token = self.credentials or (None, None, None)
            session = boto3.session.Session(
                aws_access_key_id=access, aws_secret_access_key=secret, aws_session_token=token, region_name=self.region
            )
            self._client = session.client(
                "s3",
                endpoint_url=self.endpoint_url,
                config=Config(
                    connect_timeout=self.connect_timeout_s,
                    read_timeout=self.read_timeout_s,
                    retries={"mode": "standard", "total_max_attempts": self.max_attempts},
                    s3={"addressing_style": "path"} if self.endpoint_url else {},
                    request_checksum_calculation="when_required",
                    response_checksum_validation="when_required",
                    max_pool_connections=32,
                ),
            )
        return self._client

    def url(self, key: str) -> str:
        return f"s3://{self.bucket}/{self.prefix}{key}"

    def key(self, url: str) -> str:
        return _key_below(f"s3://{self.bucket}/{self.prefix}", url)

    def find(self, key: str) -> StoredObject | None:
        try:
            with self._translated("read", key):
                return self._read_whole(key)
        except _MissingObjectError:
            return None

    def get(self, key: str) -> bytes:
        found = self.find(key)
        if found is None:
            raise PermanentError(f"{self.url(key)} does not exist; materialize the partition that writes it again.")
        return found.data

    def head(self, key: str) -> ObjectInfo | None:
        try:
            with self._translated("look up", key):
                answer = self.client.head_object(Bucket=self.bucket, Key=self.prefix + key)
                return ObjectInfo(key, answer["ContentLength"], answer["ETag"])
        except _MissingObjectError:
            return None

    def put(self, key: str, data: bytes) -> str:
        return self._put(key, data)

    def create(self, key: str, data: bytes) -> str:
        return self._put_if(key, data, IfNoneMatch="*")

    def replace(self, key: str, data: bytes, etag: str) -> str:
        return self._put_if(key, data, IfMatch=etag)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        with self._translated("list", prefix):
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix + prefix)
            for page in pages:
                for item in page.get("Contents", []):
                    yield ObjectInfo(item["Key"].removeprefix(self.prefix), item["Size"], item["ETag"])

    def delete(self, key: str) -> None:
        with self._translated("delete", key):
            self.client.delete_object(Bucket=self.bucket, Key=self.prefix + key)

    def download(self, key: str, path: Path) -> None:
        _write_whole(path, self.get(key))

    def _read_whole(self, key: str) -> StoredObject:
        """Get an object; boto retries requests, but not an answer that breaks off after its first byte."""
        from botocore.exceptions import IncompleteReadError, ResponseStreamingError
        from urllib3.exceptions import HTTPError

        for attempt in range(1, self.max_attempts + 1):
            try:
                answer = self.client.get_object(Bucket=self.bucket, Key=self.prefix + key)
                return StoredObject(answer["Body"].read(), answer["ETag"])
            except (HTTPError, ConnectionError, ResponseStreamingError, IncompleteReadError) as error:
                if attempt == self.max_attempts:
                    raise ResponseStreamingError(error=error) from error
        raise AssertionError("max_attempts is at least 1")

    def _put_if(self, key: str, data: bytes, **condition: str) -> str:
        """A conditional put whose answer may get lost: when refused, our own bytes standing there are our success."""
        try:
            return self._put(key, data, **condition)
        except PreconditionFailedError:
            found = self.find(key)
            if found is not None and found.data == data:
                return found.etag
            raise

    def _put(self, key: str, data: bytes, **condition: str) -> str:
        digest = hashlib.md5(data, usedforsecurity=False)
        with self._translated("write", key):
            answer = self.client.put_object(
                Bucket=self.bucket,
                Key=self.prefix + key,
                Body=data,
                ContentMD5=base64.b64encode(digest.digest()).decode(),
                **condition,  # type: ignore[arg-type]
            )
            return answer["ETag"]

    @contextmanager
    def _translated(self, verb: str, key: str) -> Iterator[None]:
        """Turn boto's failures into ours."""
        from botocore import exceptions as boto
        from urllib3.exceptions import HTTPError

        where = f"{self.url(key)} at {self.endpoint_url or 'AWS'}"
        try:
            yield
        except boto.ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            code = error.response.get("Error", {}).get("Code", "")
            if code in ("NoSuchKey", "404") or (status == 404 and code != "NoSuchBucket"):
                raise _MissingObjectError(f"{where} does not exist.") from error
            if code == "NoSuchBucket":
                raise PermanentError(
                    f"The bucket '{self.bucket}' does not exist at {self.endpoint_url or 'AWS'}; create it or set DATA_PIPELINE_S3_BUCKET."
                ) from error
            if status in (409, 412) or code in ("PreconditionFailed", "ConditionalRequestConflict"):
                raise PreconditionFailedError(f"{where} has changed under this writer.") from error
            if code in ("RequestTimeout", "SlowDown", "RequestTimeTooSkewed") or status >= 500 or status == 429:
                raise TransientError(f"S3 could not {verb} {where} ({code or status}); it will be tried again.") from error
            if status in (401, 403) or code.startswith(("InvalidAccessKey", "SignatureDoesNotMatch", "ExpiredToken", "AccessDenied")):
                raise PermanentError(
                    f"S3 refused to {verb} {where} ({code or status}); check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
                ) from error
            if code == "BadDigest":
                raise TransientError(f"S3 received other bytes than were sent to {verb} {where}; it will be tried again.") from error
            raise PermanentError(f"S3 could not {verb} {where} ({code or status}): {error}") from error
        except (boto.NoCredentialsError, boto.PartialCredentialsError) as error:
            raise PermanentError(
                f"There are no S3 credentials to {verb} {where}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            ) from error
        except (boto.HTTPClientError, boto.ConnectionError, boto.ResponseStreamingError, boto.IncompleteReadError, HTTPError) as error:
            raise TransientError(
                f"S3 did not answer to {verb} {where} ({type(error).__name__}); it will be tried again. "
                "Check DATA_PIPELINE_S3_ENDPOINT_URL if it never answers."
            ) from error


@dataclass(frozen=True)
class LocalObjectStore:
    """Objects as files below a directory, for benchmarks and for commands that work without S3."""

    root: Path

    def url(self, key: str) -> str:
        return f"file://{self.root.absolute()}/{key}"

    def key(self, url: str) -> str:
        return _key_below(f"file://{self.root.absolute()}/", url)

    def find(self, key: str) -> StoredObject | None:
        try:
            data = (self.root / key).read_bytes()
        except FileNotFoundError:
            return None
        return StoredObject(data, _etag(data))

    def get(self, key: str) -> bytes:
        found = self.find(key)
        if found is None:
            raise PermanentError(f"{self.url(key)} does not exist; materialize the partition that writes it again.")
        return found.data

    def head(self, key: str) -> ObjectInfo | None:
        found = self.find(key)
        return None if found is None else ObjectInfo(key, len(found.data), found.etag)

    def put(self, key: str, data: bytes) -> str:
        _write_whole(self.root / key, data)
        return _etag(data)

    def create(self, key: str, data: bytes) -> str:
        with self._locked(key):
            found = self.find(key)
            if found is None:
                return self.put(key, data)
            if found.data != data:
                raise PreconditionFailedError(f"{self.url(key)} exists already.")
            return found.etag

    def replace(self, key: str, data: bytes, etag: str) -> str:
        with self._locked(key):
            found = self.find(key)
            if found is None or found.etag not in (etag, _etag(data)):
                raise PreconditionFailedError(f"{self.url(key)} has changed under this writer.")
            return self.put(key, data)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        # Only the folder that the prefix names is walked: the store may hold a year of hours.
        for path in sorted((self.root / prefix.rpartition("/")[0]).rglob("*")):
            key = path.relative_to(self.root).as_posix()
            if path.is_file() and key.startswith(prefix) and not path.name.startswith("."):
                yield ObjectInfo(key, path.stat().st_size, _etag(path.read_bytes()))

    def delete(self, key: str) -> None:
        (self.root / key).unlink(missing_ok=True)

    def download(self, key: str, path: Path) -> None:
        _write_whole(path, self.get(key))

    @contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        lock = (self.root / key).with_name(f".{Path(key).name}.lock")
        lock.parent.mkdir(parents=True, exist_ok=True)
        with lock.open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def _etag(data: bytes) -> str:
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'


def _key_below(root: str, url: str) -> str:
    if not url.startswith(root):
        raise PermanentError(f"{url} is not an object of {root}; the manifest that names it belongs to another store.")
    return url.removeprefix(root)


def _write_whole(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).replace(path)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise PermanentError(f"The disk is full while writing {path}; free some space and run again.") from error
        raise
