"""An S3 server on this machine (SeaweedFS), spoken to over HTTP with keys of its own.

Belongs here: start, stop and buckets of the local S3 server. Does not: what is stored there.
"""

from __future__ import annotations

import json
import secrets
import shutil
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.object_store import S3ObjectStore
from data_pipeline.devstack.ports import LOOPBACK, reserve_ports
from data_pipeline.devstack.processes import ProcessFolder

NAME = "s3"
_IDENTITIES = "identities.json"
_START_TIMEOUT_S = 60.0
_INNER_PORTS = ("s3.port.grpc", *(f"{part}.port{kind}" for part in ("master", "volume", "filer", "admin") for kind in ("", ".grpc")))
_FOREIGN_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "S3_BUCKET")
"""The server would take a person's own keys for an identity that it should admit."""


@dataclass(frozen=True)
class S3Keys:
    """What a client signs with."""

    access_key: str
    secret_key: str = field(repr=False)

    @classmethod
    def generate(cls) -> S3Keys:
        """Keys that nobody else has."""
        return cls(secrets.token_hex(10).upper(), secrets.token_urlsafe(30))


def keys_of_killed_start(folder: Path) -> S3Keys | None:
    """Keys of a server whose start was killed before anyone else wrote them down; None where there are none."""
    try:
        [credentials] = json.loads((folder / NAME / _IDENTITIES).read_text())["identities"][0]["credentials"]
        return S3Keys(credentials["accessKey"], credentials["secretKey"])
    except (OSError, ValueError, LookupError):
        return None


class S3Server:
    """An S3 server below one folder; its objects survive stop and crash.

    Args:
        processes: where its pid and log are kept; objects go to `s3/` in the same folder.
        port: where it listens.
        keys: the only ones that it accepts.
        memory_limit_mib: what its garbage collector aims at.
    """

    def __init__(self, processes: ProcessFolder, port: int, keys: S3Keys, *, memory_limit_mib: int = 400) -> None:
        self._processes = processes
        self._memory_limit_mib = memory_limit_mib
        self.port = port
        self.keys = keys

    @property
    def endpoint_url(self) -> str:
        """Its address."""
        return f"http://{LOOPBACK}:{self.port}"

    def start(self) -> None:
        """Start it unless it runs, and wait until it answers."""
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        """Start it unless it runs, without waiting."""
        if self._processes.find(NAME) is None:
            self._launch()

    def wait_until_ready(self) -> None:
        """Wait until it answers; PermanentError with the end of its log when it does not."""
        self._processes.wait_until(NAME, self._is_ready, timeout_s=_START_TIMEOUT_S)

    def stop(self) -> None:
        """Stop it; the objects stay, its copy of the keys does not."""
        self._processes.stop(NAME)
        (self._processes.folder / NAME / _IDENTITIES).unlink(missing_ok=True)

    def kill(self) -> None:
        """`kill -9`."""
        self._processes.kill(NAME)

    def object_store(self, bucket: str, prefix: str = "") -> S3ObjectStore:
        """A store in one of its buckets."""
        return S3ObjectStore(bucket, self.endpoint_url, credentials=(self.keys.access_key, self.keys.secret_key, None), prefix=prefix)

    def create_bucket(self, bucket: str) -> None:
        """Create a bucket unless it exists."""
        from botocore.exceptions import ClientError

        client = self.object_store(bucket).client
        try:
            client.create_bucket(Bucket=bucket)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                raise PermanentError(f"The S3 server at {self.endpoint_url} could not create the bucket '{bucket}': {error}") from error

    def _launch(self) -> None:
        folder = self._processes.folder / NAME
        (folder / "data").mkdir(parents=True, exist_ok=True)
        identities = folder / _IDENTITIES
        identities.touch(mode=0o600)
        identities.write_text(json.dumps(self._identities()))
        options = {
            "dir": str(folder / "data"),
            "ip": LOOPBACK,
            "ip.bind": LOOPBACK,
            "s3.config": str(identities),
            "s3.port": self.port,
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "webdav": "false",
            "admin.ui": "false",
            "master.telemetry": "false",
            **dict(zip(_INNER_PORTS, reserve_ports(len(_INNER_PORTS)), strict=True)),
        }
        self._processes.start(
            NAME,
            [_weed(), "-logtostderr=true", "mini", *(f"-{option}={value}" for option, value in options.items())],
            cwd=folder,
            set_variables={"GOMEMLIMIT": f"{self._memory_limit_mib}MiB"},
            unset_variables=_FOREIGN_VARIABLES,
        )

    def _identities(self) -> object:
        credentials = [{"accessKey": self.keys.access_key, "secretKey": self.keys.secret_key}]
        return {
            "identities": [{"name": "data-pipeline", "credentials": credentials, "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]
        }

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.endpoint_url}/healthz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def _weed() -> str:
    beside_python = Path(sys.executable).with_name("weed")
    found = str(beside_python) if beside_python.exists() else shutil.which("weed")
    if found is None:
        raise PermanentError("The S3 server's program `weed` is not installed; run `make setup`.")
    return found
