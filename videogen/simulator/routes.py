"""Which function answers which path, on the API's port and on the mirror's."""

from __future__ import annotations

import ipaddress
import re
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from videogen.simulator import control, errors
from videogen.simulator.endpoints import bucket, files, gemini, lists, omni, vertex
from videogen.simulator.errors import ApiError
from videogen.simulator.http import KEY_HEADER, EndpointHandler, SimulatorHandler


class MirrorHandler(SimulatorHandler):
    """The storage of another host. It needs no key, so a key that is sent to it has leaked."""

    def answer_request(self, path: str) -> None:
        if self.headers.get(KEY_HEADER) or self.headers.get("Authorization") or "key" in self.query:
            self.simulator.journal.add_violation(
                time.time(), "leaked_key", f"{self.command} {path} came with a key on another host."
            )
        match = re.fullmatch(r"/signed/([a-z0-9]+)\.mp4", path)
        operation = self.simulator.store.find_file(match[1], time.time()) if match else None
        if match is None or operation is None:
            raise errors.route_not_found(path)
        self.simulator.journal.count(operation.name, "mirror_downloads")
        files.send_clip(self, operation, match[1])


class ApiHandler(EndpointHandler):
    """The paths of the Gemini API, of Vertex AI and of Cloud Storage, and the control endpoint."""

    def answer_request(self, path: str) -> None:
        if path.startswith("/_simulator/"):
            self._refuse_strangers()
            control.answer_control(self, path.removeprefix("/_simulator/"))
            return
        method = "GET" if self.command == "HEAD" else self.command
        for wanted, pattern, action in ROUTES:
            if wanted == method and (match := pattern.fullmatch(path)):
                action(self, *match.groups())
                return
        raise errors.route_not_found(path)

    def _refuse_strangers(self) -> None:
        """The control endpoint obeys programs of this machine. A page that is open in a browser
        here is none: a browser says where a request comes from."""
        if not ipaddress.ip_address(self.client_address[0]).is_loopback:
            raise ApiError(403, "The control endpoint answers on the loopback interface only.")
        site = self.headers.get("Sec-Fetch-Site", "none")
        if self.headers.get("Origin") is not None or site != "none":
            raise ApiError(403, "The control endpoint does not answer pages in a browser.")
        # A name that leads here by now would make a page of another site one of this site's.
        if not _is_loopback_name(self.headers.get("Host", "")):
            raise ApiError(403, "The control endpoint answers to localhost only.")


def _is_loopback_name(netloc: str) -> bool:
    try:
        host = urlsplit(f"//{netloc}").hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


_NAME = r"([A-Za-z0-9._-]+)"
ROUTES: tuple[tuple[str, re.Pattern[str], Callable[..., None]], ...] = (
    ("POST", re.compile(rf"/v1beta/models/{_NAME}:predictLongRunning"), gemini.submit),
    ("GET", re.compile(rf"/v1beta/models/{_NAME}/operations/{_NAME}"), gemini.poll),
    ("GET", re.compile(rf"/v1beta/models/{_NAME}/operations"), lists.list_operations),
    ("GET", re.compile(rf"(?:/download)?/v1beta/files/{_NAME}:download"), gemini.download),
    ("GET", re.compile(rf"/v1beta/files/{_NAME}"), omni.show_file),
    ("POST", re.compile(r"/v1beta/interactions"), omni.create),
    ("GET", re.compile(rf"/v1beta/interactions/{_NAME}"), omni.show),
    ("POST", re.compile(rf"/v1beta/interactions/{_NAME}/cancel"), omni.cancel),
    ("GET", re.compile(r"/v1beta/generatedFiles"), lists.list_generated_files),
    ("GET", re.compile(rf"/v1beta/generatedFiles/{_NAME}"), lists.show_generated_file),
    ("GET", re.compile(r"/\.well-known/jwks\.json"), gemini.show_keys),
    ("GET", re.compile(r"/v1beta/models"), gemini.list_models),
    ("GET", re.compile(rf"/v1beta/models/{_NAME}"), gemini.show_model),
    *vertex.ROUTES,
    *bucket.ROUTES,
)
