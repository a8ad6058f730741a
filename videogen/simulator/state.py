"""What a running simulator knows and does: its options, its operations and their clips.

`operations` stores, `studio` paints, `server` listens.
"""

from __future__ import annotations

import random
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from videogen.simulator.errors import credits_depleted
from videogen.simulator.faults import FaultScript
from videogen.simulator.footage.studio import Job, Studio
from videogen.simulator.journal import Journal
from videogen.simulator.omni_faults import take_ending
from videogen.simulator.operations import Operation, OperationStore
from videogen.simulator.options import SimulatorOptions
from videogen.simulator.quotas import Quotas
from videogen.simulator.validation import ReceivedRequest
from videogen.simulator.webhooks import Messenger, Signer, addresses

HAS_VIDEO = frozenset({"video", "two_samples", "inline"})
NEEDS_CLIP = HAS_VIDEO | {"file_stuck", "file_failed", "status"}
WATCH_SECONDS = 0.05


class Simulator:
    """A simulator without its ports. The addresses are known once a server listens."""

    # The base URL for the SDK, without a trailing slash.
    url: str
    # The other host that downloads may be redirected to.
    mirror_url: str

    def __init__(self, options: SimulatorOptions | None = None) -> None:
        self.started_with = options or SimulatorOptions()
        self.settings = self.started_with
        self.faults = FaultScript(list(self.settings.faults))
        self.journal = Journal()
        self.quotas = Quotas(time.time)
        self.signer = Signer()
        self.stopping = threading.Event()
        self._finishing = threading.Lock()
        self._endings: dict[str, tuple[str, dict[str, Any]]] = {}
        self._temporary: tempfile.TemporaryDirectory[str] | None = None

    def open(self) -> None:
        """Load what an earlier simulator has left, and order the clips that are missing."""
        directory = self.settings.state_dir
        if directory is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="simulator-")
            directory = Path(self._temporary.name)
        self.store = OperationStore(directory.resolve(), self.settings.file_lifetime)
        self.studio = Studio(self.settings.painters, paints_quick=self.settings.clips == "quick")
        for operation in self.store.load(time.time()):
            self.journal.add_submission(operation.entry)
            if operation.outcome in NEEDS_CLIP or not operation.outcome:
                self._order_clip(operation)

    def watch_all(self) -> None:
        """Send webhook events when operations end. Their links lead to `url`."""
        self._messenger = Messenger(self.signer, self.journal, self.stopping.wait, self.url)
        for operation in self.store.all():
            self._watch(operation)

    def close(self) -> None:
        """End the painters."""
        self.studio.stop()
        if self._temporary is not None:
            self._temporary.cleanup()

    def accept(self, request: ReceivedRequest, entry: dict[str, Any], **more: Any) -> Operation:
        """Book the submission and start its clip. `more` are further fields of the operation.

        Raises the 429 of a full quota window or of an account without credit.
        """
        if self.settings.credits_depleted:
            raise credits_depleted()
        self.quotas.charge(self.settings.limits, request.model.name, request.cost)
        return self.start_operation(request, entry, webhook=request.webhook, **more)

    def start_operation(
        self, request: ReceivedRequest, entry: dict[str, Any], **more: Any
    ) -> Operation:
        """Start a new operation and its clip. `more` are further fields of the operation."""
        settings = self.settings
        jitter = random.uniform(-1, 1) * settings.latency_jitter
        operation = self.store.accept(
            model=request.model.name,
            prompt=request.prompt,
            # Quick clips show no reference, so a bench need not store gigabytes of them.
            pictures=() if settings.clips == "quick" else request.pictures,
            now=time.time(),
            latency=max(0.0, settings.latency + jitter),
            entry=entry,
            **more,
        )
        self._order_clip(operation)
        self._watch(operation)
        return operation

    def advance(self, operation: Operation) -> Operation:
        """Finish the operation if its time has come and its clip, if it gets one, is painted."""
        if operation.outcome or time.time() < operation.ready_at:
            return operation
        with self._finishing:
            operation = self.store.find(operation.id) or operation
            if operation.outcome:
                return operation
            if operation.id not in self._endings:
                spec = take_ending(self.faults, operation)
                ending = (spec.definition.effect, spec.params) if spec else ("video", {})
                self._endings[operation.id] = ending
            outcome, params = self._endings[operation.id]
            if outcome in NEEDS_CLIP and not self.store.clip_path(operation).exists():
                failure = self.studio.failure(self.store.clip_path(operation))
                if not failure:
                    return operation
                outcome, params = "error", {"code": 13, "message": f"Painting failed: {failure}"}
            del self._endings[operation.id]
            return self.store.finish(operation, outcome, params)

    def _watch(self, operation: Operation) -> None:
        """Send the operation's event when it is done, even if nobody polls it.

        Vertex AI sends no events.
        """
        if operation.parent:
            return
        if not operation.outcome and (addresses(operation) or self.settings.webhook_uri):
            threading.Thread(target=self._tell_when_done, args=(operation,), daemon=True).start()

    def _tell_when_done(self, operation: Operation) -> None:
        while not self.stopping.wait(WATCH_SECONDS):
            found = self.store.find(operation.id)
            if found is None:
                return
            if (ended := self.advance(found)).outcome:
                if ended.outcome in HAS_VIDEO:
                    spec = self.faults.take("webhook", ended.prompt)
                    self._messenger.tell(ended, spec, self.settings.registered_webhook)
                return

    def is_retired(self, model: str) -> bool:
        """Whether the model was retired while this simulator ran."""
        return model in [name.strip() for name in self.settings.retired_models.split(",")]

    def reset(self) -> None:
        """Forget everything and return to the options of the start."""
        self.studio.forget()
        self.store.clear()
        self.journal.clear()
        self.quotas.clear()
        self.faults.add(list(self.started_with.faults), replacing=True)
        self.settings = self.started_with
        self._endings.clear()

    def change_settings(self, changes: dict[str, Any]) -> None:
        """Change options. Raises ValueError, and changes none, if one of them cannot be changed."""
        self.settings = self.settings.changed(changes)

    def _order_clip(self, operation: Operation) -> None:
        path = self.store.clip_path(operation)
        if path.exists():
            return
        self.studio.order(
            Job(
                seed=operation.id,
                prompt=operation.prompt,
                references=tuple(str(one) for one in self.store.picture_paths(operation)),
                path=str(path),
                quick=self.settings.clips == "quick",
                megabytes=self.settings.clip_megabytes,
            )
        )
