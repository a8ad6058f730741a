"""The options of a simulator, and which of them can change while it runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from videogen.simulator.faults import FaultSpec
from videogen.simulator.quotas import TEN_MINUTES, Limits
from videogen.simulator.webhooks import Registered

# The options that a running simulator cannot change.
FIXED = frozenset({"host", "port", "state_dir", "painters", "file_lifetime", "faults"})


@dataclass(frozen=True)
class SimulatorOptions:
    """All options. Times are in seconds, and a limit of 0 means that there is no limit.

    `retired_models`: names, separated by commas.
    `list_details`: the two lists contain more than the service's published schema has, namely
    times, the metadata of a submission and the links of files.
    `list_page_size`: a page never has more entries, whatever is asked. The service does that, too.
    `access_token`, `vertex_project`, `storage_buckets` (separated by commas): the only valid ones;
    empty means that any is valid.
    `vertex_disabled`: the project has not enabled the API.
    `webhook_uri`: a webhook that is registered for the project, with `webhook_secret` (whsec_…).
    `file_latency`: how long the file of an interaction is PROCESSING.
    """

    host: str = "127.0.0.1"
    port: int = 0
    state_dir: Path | None = None
    api_key: str = ""
    latency: float = 3.0
    latency_jitter: float = 0.0
    clips: str = "full"
    clip_megabytes: int = 0
    painters: int = 1
    quota_per_minute: int = 0
    quota_per_day: int = 0
    spend_limit: float = 0.0
    spend_window: float = TEN_MINUTES
    key_revoked: bool = False
    credits_depleted: bool = False
    retired_models: str = ""
    list_operations: bool = False
    list_generated_files: bool = False
    list_details: bool = False
    list_page_size: int = 50
    webhook_uri: str = ""
    webhook_secret: str = ""
    redirect_downloads: str = "none"
    access_token: str = ""
    token_expired: bool = False
    vertex_project: str = ""
    vertex_disabled: bool = False
    vertex_quota_per_minute: int = 50
    storage_buckets: str = ""
    storage_forbidden: bool = False
    file_latency: float = 1.0
    file_lifetime: float = 172_800.0
    faults: tuple[FaultSpec, ...] = ()

    def __post_init__(self) -> None:
        for name, known in (
            ("clips", ("full", "quick")),
            ("redirect_downloads", ("none", "same", "other")),
        ):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}.")
        if self.list_page_size < 1:
            raise ValueError("list_page_size must be 1 or more.")
        if self.webhook_uri and not self.webhook_secret:
            raise ValueError("webhook_uri needs a webhook_secret.")
        _ = self.registered_webhook

    @property
    def registered_webhook(self) -> Registered | None:
        return Registered(self.webhook_uri, self.webhook_secret) if self.webhook_uri else None

    @property
    def limits(self) -> Limits:
        return Limits(
            self.quota_per_minute, self.quota_per_day, self.spend_limit, self.spend_window
        )

    def changed(self, changes: dict[str, Any]) -> SimulatorOptions:
        """Return a changed copy. Raises ValueError for unknown, fixed or mistyped options."""
        for name, value in changes.items():
            if name in FIXED or name not in self.__dataclass_fields__:
                raise ValueError(f"No setting {name} can be changed while running.")
            kind = type(getattr(self, name))
            allowed = (int, float) if kind is float else kind
            if not isinstance(value, allowed) or (isinstance(value, bool) and kind is not bool):
                raise ValueError(f"{name} must be of type {kind.__name__}.")
        return replace(self, **changes)
