"""The clients of the paid calls, by route, and whether they can send at this moment."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor, wait

from .errors import VeoError
from .veo import VideoClient, open_client


class Submitters:
    def __init__(self) -> None:
        self._clients: dict[str, VideoClient] = {}
        self._preparing: Future[None] | None = None

    def client(self, route: str) -> VideoClient:
        """Raises VeoError where the route's key or project is not set."""
        if route not in self._clients:
            self._clients[route] = open_client(route, submits=True)
        return self._clients[route]

    def are_ready(
        self, routes: Collection[str], threads: ThreadPoolExecutor, seconds: float
    ) -> bool:
        """False while a sign-in is under way: ask again. Within the submissions, after the claim,
        one that hangs would look as if they did. Raises VeoError where a client cannot send."""
        clients = [self.client(route) for route in routes]
        if self._preparing is None:
            self._preparing = threads.submit(_prepare, clients)
        if not wait([self._preparing], timeout=seconds).done:
            return False
        prepared, self._preparing = self._preparing, None
        try:
            prepared.result()
        except VeoError:
            # Who signs in again is heard by a client that is made anew.
            self._clients.clear()
            raise
        return True


def _prepare(clients: Collection[VideoClient]) -> None:
    for client in clients:
        client.prepare()
