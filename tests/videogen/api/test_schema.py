"""schemathesis: everything that the description allows, and what it does not."""

from __future__ import annotations

from collections import Counter

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from storybook.wsgi import application
from tests.support.all_states import make_everything
from tests.support.api import make_person
from videogen.models import ApiToken

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

EXAMPLES = 60
# Refusals of what no schema can express, by the parameter or operation that they are about: that
# a cursor is of this list, that a key is new, that a file is a bundle, what a model makes.
OF_PARAMETER = {"cursor": "cursor", "idempotency_key_reused": "Idempotency-Key"}
FORMAT = {"resolution_not_made", "aspect_ratio_not_made", "duration_not_made"}
OF_OPERATION = {
    "POST /api/v1/stories": {"bundle"},
    "POST /api/v1/stories/{story_id}/directions": {"direction_empty", "direction_unprintable"},
    "POST /api/v1/plans": FORMAT,
    "POST /api/v1/batches": FORMAT,
    "POST /api/v1/takes/{id}/review": {"usage"},
}


@pytest.fixture
def asked():
    return Counter()


def test_every_answer_is_as_described(asked):
    make_everything()
    _, secret = ApiToken.objects.make(user=make_person("superuser"), name="x", scope="spend")
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", application)
    failures = []

    for result in schema.get_all_operations():
        operation = result.ok()
        _ask(operation, secret, asked, failures)

    assert not failures, "\n\n".join(failures)
    assert min(asked.values()) >= 5 and len(asked) == 30, asked


def _ask(operation, secret, asked, failures):
    headers = {"Authorization": f"Bearer {secret}"}

    for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):
        strategy = operation.as_strategy(generation_mode=mode)

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=strategy)
        def ask(case):
            response = case.call(headers=headers)
            asked[operation.label] += 1
            left_out = []
            if _is_about_meaning(case, response) or _has_empty_file(case):
                left_out.append(positive_data_acceptance)
            if _is_right_once_sent(case):
                left_out.append(negative_data_rejection)
            case.validate_response(response, headers=headers, excluded_checks=left_out)

        try:
            ask()
        except BaseExceptionGroup as error:  # each kind of failure of an operation once
            failures.append(f"{operation.label} ({mode}): {error.exceptions}")


def _is_about_meaning(case, response):
    if response.status_code not in (400, 422):
        return False
    code, operation = response.json()["code"], case.operation
    parameters = {each.name for each in (*operation.query, *operation.headers)}
    return OF_PARAMETER.get(code) in parameters or code in OF_OPERATION.get(operation.label, ())


def _has_empty_file(case):
    """Behind an empty file werkzeug, which sends the forms here, leaves out the line before the
    boundary, so nobody finds a file in the form. test_resources.py sends such a form as it is."""
    parts = case.body.values() if isinstance(case.body, dict) else ()
    return any(getattr(part, "data", part) == b"" for part in parts)


def _is_right_once_sent(case):
    """The query has a name that is not known, with an empty list, which never leaves; and nothing
    is wrong but that and the token, which the test sends in every case."""
    others = (ParameterLocation.PATH, ParameterLocation.BODY)
    if any(case.meta.is_negative_at(place) for place in others):
        return False
    known = {each.name for each in case.operation.query}
    unknown = {name: value for name, value in (case.query or {}).items() if name not in known}
    return bool(unknown) and all(value == [] for value in unknown.values())
