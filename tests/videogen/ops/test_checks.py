from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.checks.registry import registry

from tests.support.system_checks import found
from videogen.management.commands.run_task import Command

GOOD_QUEUE = {
    "workers": 4,
    "timeout": 120,
    "retry": 600,
    "queue_limit": 2,
    "ack_failures": True,
    "max_attempts": 1,
    "orm": "default",
    "broker_class": "videogen.common.own_tasks.OrmBroker",
}


def test_the_projects_own_configuration_is_fine():
    assert found() == {}


def test_run_task_looks_at_all_settings():
    registered = registry.get_checks(include_deployment_checks=True)
    own = [each for each in registered if each.__module__.startswith("videogen.")]

    assert own
    assert [
        each.__name__ for each in own if not {*Command.requires_system_checks} & {*each.tags}
    ] == []


WRONG = {
    "an unknown backend": ({"VIDEO_BACKEND": "sora"}, "videogen.E001"),
    "no backend": ({"VIDEO_BACKEND": ""}, "videogen.E001"),
    "a host without a scheme": (
        {"VIDEO_API_BASE_URL": "generativelanguage.googleapis.com"},
        "videogen.E002",
    ),
    "another scheme": ({"VIDEO_API_BASE_URL": "ftp://host"}, "videogen.E002"),
    "no host": ({"VIDEO_API_BASE_URL": "https://"}, "videogen.E002"),
    "a simulator on another machine": (
        {"VIDEO_API_BASE_URL": "https://generativelanguage.googleapis.com"},
        "videogen.E003",
    ),
    "another simulator of Vertex AI": (
        {"VIDEO_VERTEX_BASE_URL": "https://us-central1-aiplatform.googleapis.com"},
        "videogen.E003",
    ),
    "another simulator of Cloud Storage": (
        {"VIDEO_STORAGE_BASE_URL": "https://storage.googleapis.com"},
        "videogen.E003",
    ),
    "no address of Vertex AI": ({"VIDEO_VERTEX_BASE_URL": "us-central1"}, "videogen.E002"),
    "a price of nothing": ({"VIDEO_PRICE_USD_PER_SECOND": Decimal(0)}, "videogen.E073"),
    "a price of a whole film": ({"VIDEO_PRICE_USD_PER_SECOND": Decimal(99)}, "videogen.E073"),
    "a seed too large": ({"VIDEO_SEED": 2**32}, "videogen.E070"),
    "words about people": ({"VIDEO_PERSON_GENERATION": "allow adults"}, "videogen.E071"),
    "another storage": ({"VIDEO_VERTEX_STORAGE_URI": "s3://bucket/folder"}, "videogen.E072"),
    "no bucket": ({"VIDEO_VERTEX_STORAGE_URI": "gs://"}, "videogen.E072"),
    "a bucket alone without its scheme": ({"VIDEO_VERTEX_STORAGE_URI": "bucket"}, "videogen.E072"),
    "a folder with a space": ({"VIDEO_VERTEX_STORAGE_URI": "gs://bucket/a b"}, "videogen.E072"),
    "a folder above the bucket": (
        {"VIDEO_VERTEX_STORAGE_URI": "gs://clips-of-ours/../videos"},
        "videogen.E072",
    ),
    "a bucket without encryption": (
        {
            "VIDEO_BACKEND": "vertex",
            "VIDEO_VERTEX_BASE_URL": "https://us-central1-aiplatform.googleapis.com",
            "VIDEO_STORAGE_BASE_URL": "http://storage.googleapis.com",
        },
        "videogen.E004",
    ),
    "retry too short": ({"Q_CLUSTER": {"retry": 359}}, "videogen.E010"),
    "retry too short for few workers": (
        {"Q_CLUSTER": {"workers": 2, "queue_limit": 10, "retry": 900}},
        "videogen.E010",
    ),
    "failures run again": ({"Q_CLUSTER": {"ack_failures": False}}, "videogen.E011"),
    "many attempts": ({"Q_CLUSTER": {"max_attempts": 0}}, "videogen.E011"),
    "another database": ({"Q_CLUSTER": {"orm": "other"}}, "videogen.E012"),
    "any task": (
        {"Q_CLUSTER": {"broker_class": "django_q.brokers.orm.ORM"}},
        "videogen.E015",
    ),
    "one worker": ({"Q_CLUSTER": {"workers": 1}}, "videogen.W013"),
    "a submission longer than a task": (
        {"VIDEO_SUBMIT_TIMEOUT_SECONDS": 95.0},
        "videogen.E014",
    ),
}


@pytest.mark.parametrize(("values", "expected"), WRONG.values(), ids=WRONG.keys())
def test_wrong_configuration_is_told_with_what_to_do(settings, values, expected):
    for name, value in values.items():
        setattr(settings, name, GOOD_QUEUE | value if name == "Q_CLUSTER" else value)

    messages = found()

    assert list(messages) == [expected]
    assert messages[expected].hint


@pytest.mark.parametrize(
    "values",
    [
        {"VIDEO_BACKEND": "gemini", "VIDEO_API_BASE_URL": "https://proxy.example.org/veo"},
        {"VIDEO_API_BASE_URL": "http://localhost:8787"},
        {"VIDEO_BACKEND": "vertex", "VIDEO_VERTEX_STORAGE_URI": "gs://my-bucket"},
        {"VIDEO_BACKEND": "omni", "VIDEO_VERTEX_STORAGE_URI": "gs://my.bucket/videos/of"},
        {"VIDEO_SEED": 0, "VIDEO_PERSON_GENERATION": "allow_adult"},
        {"VIDEO_SEED": 2**32 - 1},
        {"VIDEO_API_BASE_URL": "http://[::1]:8787"},
        {"Q_CLUSTER": {"retry": 360}},
        {"Q_CLUSTER": {"workers": 2, "retry": 480}},
        {"VIDEO_SUBMIT_TIMEOUT_SECONDS": 94.0},
        {"VIDEO_SUBMIT_WEBHOOK_URI": "http://localhost:9/told"},
        {"VIDEO_BACKEND": "gemini", "VIDEO_SUBMIT_WEBHOOK_URI": "https://videogen.example/told"},
    ],
)
def test_right_configuration_is_quiet(settings, values):
    for name, value in values.items():
        setattr(settings, name, GOOD_QUEUE | value if name == "Q_CLUSTER" else value)

    assert found() == {}


@pytest.mark.parametrize(
    ("backend", "address"),
    [("simulator", "told"), ("simulator", "ftp://host/x"), ("gemini", "http://host/told")],
)
def test_a_webhook_that_the_api_cannot_tell_is_told(settings, backend, address):
    settings.VIDEO_BACKEND = backend
    settings.VIDEO_API_BASE_URL = "https://localhost"
    settings.VIDEO_SUBMIT_WEBHOOK_URI = address

    assert list(found()) == ["videogen.E050"]


@pytest.mark.parametrize("name", ["MEDIA_ROOT", "STATE_DIR"])
def test_a_folder_that_cannot_be_had_is_told(settings, tmp_path, name):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    setattr(settings, name, str(in_the_way / "below"))

    assert list(found()) == ["videogen.E020"]
