"""A program that uses the API, for tests."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from uuid import uuid4

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import Client

from videogen.models import ApiToken

_numbers = itertools.count(1)


@dataclass
class Program:
    """Sends requests with its token; `/api/v1` goes without saying."""

    token: str
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    def get(self, path, **headers):
        return self.ask("GET", path, **headers)

    def post(self, path, body=None, *, key=None, files=None, **headers):
        headers["Idempotency-Key"] = key or str(uuid4())
        return self.ask("POST", path, body, files=files, **headers)

    def ask(self, method, path, body=None, *, files=None, **headers):
        headers = {"Authorization": f"Bearer {self.token}"} | headers
        if files is not None:
            return self.client.post(f"/api/v1{path}", files, headers=headers)
        data = body if isinstance(body, str | bytes) else json.dumps(body)
        return self.client.generic(
            method,
            f"/api/v1{path}",
            "" if body is None else data,
            content_type="application/json",
            headers=headers,
        )


def make_person(role="producer", **values):
    """A member of the staff with that role: viewer, artist, producer, staff or superuser."""
    person = get_user_model().objects.create_user(
        **{
            "username": f"{role}-{next(_numbers)}",
            "is_staff": True,
            "is_superuser": role == "superuser",
        }
        | values
    )
    if group := Group.objects.filter(name=role).first():
        person.groups.add(group)
    return person


def program(role="producer", scope="spend", *, person=None, **values):
    """A program with a new token of that scope, of a person with that role."""
    user = person or make_person(role)
    _, secret = ApiToken.objects.make(user=user, name="pipeline", scope=scope, **values)
    return Program(secret)


def problem(response):
    """The status and the code of a refusal, which has to be a problem document."""
    assert response["Content-Type"] == "application/problem+json", response.content
    document = response.json()
    assert document["status"] == response.status_code
    assert document["title"] and document["detail"]
    return document["status"], document["code"]
