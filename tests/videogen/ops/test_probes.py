from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from tests.support.factories import make_render, make_shot
from videogen.models import Lane, VideoRender
from videogen.ops import health

pytestmark = pytest.mark.django_db

State = VideoRender.State


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch):
    """Whether one reports itself is tested where real ones run."""
    monkeypatch.setattr(health, "is_cluster_running", lambda: False)


def told(response):
    """The samples of /metrics: by name, or by name and label."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(response.content.decode())
        for sample in family.samples
    }


def get(client, path, **headers):
    return client.get(path, REMOTE_ADDR="203.0.113.7", **headers)


def test_an_idle_installation_is_healthy_without_a_worker(client):
    response = get(client, "/healthz")

    assert (response.status_code, response.content) == (200, b"ok\n")


def test_something_that_waits_needs_a_worker(client):
    render = make_render(make_shot(), state=State.QUEUED)

    assert get(client, "/healthz").status_code == 503

    Lane.objects.filter(pk=render.lane_id).update(beat_at=timezone.now())
    assert get(client, "/healthz").status_code == 200

    for seconds in (-21, 3600):
        Lane.objects.update(beat_at=timezone.now() + timedelta(seconds=seconds))
        assert get(client, "/healthz").status_code == 503


def test_a_database_that_is_away_is_told_and_nothing_else(client, monkeypatch):
    def away():
        raise DatabaseError("password=secret")

    monkeypatch.setattr("videogen.views.probes.is_healthy", away)

    response = get(client, "/healthz")

    assert (response.status_code, response.content) == (503, b"not ok\n")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_need_no_name_no_tls_and_no_session(client, settings, path):
    settings.ALLOWED_HOSTS = ["videogen.example"]
    settings.SECURE_SSL_REDIRECT = True

    response = get(client, path, HTTP_HOST="10.0.0.7:8000")

    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    assert not response.cookies


def test_a_part_that_is_not_ready_is_named_to_who_may_read_it(client, monkeypatch):
    monkeypatch.setitem(health._PARTS, "broker", lambda: False)

    assert get(client, "/readyz").content == b"not ok\n"
    assert client.get("/readyz").content == b"not ok broker\n"
    assert client.get("/readyz").status_code == 503


def test_what_breaks_is_not_ready(client, settings, tmp_path):
    (tmp_path / "a-file").write_text("")
    settings.STATE_DIR = tmp_path / "a-file" / "var"

    assert client.get("/readyz").content == b"not ok state\n"


class TestMetrics:
    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({}, 404),
            ({"HTTP_AUTHORIZATION": "Bearer wrong"}, 404),
            ({"HTTP_AUTHORIZATION": "Bearer the-token"}, 200),
            ({"REMOTE_ADDR": "127.0.0.1"}, 200),
            ({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "203.0.113.7"}, 404),
            ({"REMOTE_ADDR": "127.0.0.1", "HTTP_FORWARDED": "for=203.0.113.7"}, 404),
            ({"REMOTE_ADDR": ""}, 404),
        ],
    )
    def test_by_token_or_from_this_machine(self, client, settings, headers, status):
        settings.VIDEO_METRICS_TOKEN = "the-token"

        response = client.get("/metrics", **{"REMOTE_ADDR": "203.0.113.7", **headers})

        assert response.status_code == status

    def test_without_a_token_nobody_has_it(self, client, settings):
        settings.VIDEO_METRICS_TOKEN = ""

        assert get(client, "/metrics", HTTP_AUTHORIZATION="Bearer ").status_code == 404

    def test_what_the_rows_say(self, client, settings):
        settings.VIDEO_BUDGET_USD = 100
        queued = make_render(make_shot(story_id="secret-title"), state=State.QUEUED)
        VideoRender.objects.filter(pk=queued.pk).update(
            queued_at=timezone.now() - timedelta(seconds=90)
        )
        Lane.objects.filter(pk=queued.lane_id).update(polls=3, poll_seconds=1.5)

        response = client.get("/metrics")

        samples = told(response)
        assert samples["videogen_renders", "queued"] == 1
        assert samples["videogen_renders", "done"] == 0
        assert 90 <= samples[("videogen_queue_age_seconds",)] < 120
        assert samples["videogen_poll_seconds_count", queued.lane.name] == 3
        assert samples["videogen_poll_seconds_sum", queued.lane.name] == 1.5
        assert samples["videogen_lane_paused", queued.lane.name] == 0
        left = 100 - samples[("videogen_spent_usd",)] - samples[("videogen_reserved_usd",)]
        assert samples[("videogen_budget_left_usd",)] == pytest.approx(left)
        assert b"secret-title" not in response.content

    def test_as_many_queries_for_many_as_for_one(self, client, django_assert_num_queries):
        from django.test.utils import CaptureQueriesContext

        make_render(make_shot(), state=State.QUEUED)
        with CaptureQueriesContext(connection) as few:
            client.get("/metrics")
        for number in range(5):
            make_render(make_shot(story_id=f"story-{number}"), state=State.QUEUED)

        with django_assert_num_queries(len(few)):
            client.get("/metrics")
