"""A client that openapi-python-client makes from the description renders a story with a running
installation: web server, workers, simulator."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from urllib.parse import urljoin
from zipfile import ZipFile

import httpx
import pytest

from tests.support.site import USER, Site

pytestmark = pytest.mark.slow

STORY = "the-lamp"
# As docs/api.md says it: this generator has to be told that a zip is bytes.
CONFIG = {"content_type_overrides": {"application/zip": "application/octet-stream"}}


@pytest.fixture
def site(tmp_path, migrated_database):
    site = Site(tmp_path / "site")
    try:
        site.prepare(migrated_database)
        site.bring_story(STORY, 2)
        site.start()
        yield site
    finally:
        site.close()


def test_a_generated_client_renders_a_story(site, tmp_path, monkeypatch):
    config = tmp_path / "client.json"
    config.write_text(json.dumps(CONFIG | {"post_hooks": []}))
    subprocess.run(
        [
            *(sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning"),
            *("--url", f"{site.url}/api/v1/openapi.json", "--config", str(config)),
            *("--meta", "none", "--output-path", str(tmp_path / "videogen_client")),
        ],
        check=True,
    )
    monkeypatch.syspath_prepend(tmp_path)
    from videogen_client import AuthenticatedClient, models
    from videogen_client.api.batches import create_batch, get_batch
    from videogen_client.api.money import get_spending
    from videogen_client.api.plans import make_plan
    from videogen_client.api.stories import export_story, get_shot, list_shots, list_stories
    from videogen_client.api.takes import get_take_file, list_takes, review_take

    told = site.installation.manage("api_token", "client", "--scope=spend", f"--user={USER}")
    client = AuthenticatedClient(
        site.url, told.stdout.strip(), timeout=httpx.Timeout(60), raise_on_unexpected_status=True
    )
    with client:
        [story] = list_stories.sync(client=client).items
        assert (story.story_id, story.statuses["to_do"]) == (STORY, 2)
        shots = list_shots.sync(STORY, client=client, status=models.ShotStatus.TO_DO).items
        shot = get_shot.sync(shots[0].id, client=client)
        assert "the quay at dusk" in shot.payload["compositionAndContent"]

        asked = {"story_id": STORY, "resolution": "720p", "prompt_profile": "lean"}
        plan = make_plan.sync(client=client, body=models.PlanRequest.from_dict(asked))
        assert plan.counts.additional_properties == {"generate": 2}
        assert [row.decision for row in plan.rows] == [models.Decision.GENERATE] * 2
        assert plan.rows[0].request.resolution == "720p" and plan.shortage is None

        order = models.BatchRequest(
            story_id=STORY,
            resolution="720p",
            prompt_profile=models.PromptProfile.LEAN,
            fingerprint=plan.fingerprint,
            priority=models.BatchPriority.FIRST,
        )
        batch = create_batch.sync(client=client, body=order, idempotency_key="client-1")
        again = create_batch.sync(client=client, body=order, idempotency_key="client-1")
        assert again == batch and batch.prompt_profile == models.PromptProfile.LEAN
        refused = create_batch.sync(client=client, body=order, idempotency_key="client-2")
        assert isinstance(refused, models.Problem) and refused.code == "plan_changed"

        for _ in range(3):
            batch = get_batch.sync(batch.id, client=client, wait=30)
            if batch.is_ended:
                break
        assert batch.renders.additional_properties == {"done": 2} and batch.ended_at is not None

        takes = list_takes.sync(client=client, story_id=STORY).items
        for take in takes:
            moved = get_take_file.sync_detailed(take.id, client=client)
            video = httpx.get(urljoin(site.url, moved.headers["Location"])).content
            assert hashlib.sha256(video).hexdigest() == take.sha256 and len(video) == take.bytes_
        verdict = models.ReviewRequest(models.Verdict.APPROVE, seen=models.TakeReview.UNREVIEWED)
        assert review_take.sync(takes[0].id, client=client, body=verdict).review == "approved"
        verdict = models.ReviewRequest(
            models.Verdict.REJECT,
            seen=models.TakeReview.UNREVIEWED,
            words="The hat is gone.",
            reasons=[models.RejectReason.WARDROBE],
        )
        assert review_take.sync(takes[1].id, client=client, body=verdict).review == "rejected"
        rejected = list_takes.sync(client=client, review=models.TakeReview.REJECTED).items
        assert [(each.id, each.review_reasons) for each in rejected] == [
            (takes[1].id, ["wardrobe"])
        ]

        spending = get_spending.sync(client=client, story_id=STORY, by=models.SpendingTable.VERDICT)
        assert spending.is_simulated and spending.total["videos"] == 2
        with ZipFile(export_story.sync(STORY, client=client).payload) as exported:
            assert sum(name.endswith(".mp4") for name in exported.namelist()) == 1
