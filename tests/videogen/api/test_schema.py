"""schemathesis: everything that the description allows, and what it does not."""

from __future__ import annotations

from collections import Counter
from urllib.parse import parse_qs, urlsplit

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from storybook.wsgi import application
from tests.support.all_states import make_everything
from tests.support.api import make_person
from videogen.models import ApiToken

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

EXAMPLES = 60
# Refusals of what no schema can express: that a cursor is of this list, that a file is a bundle.
SEMANTIC = {
    "bundle",
    "cursor",
    "direction_empty",
    "direction_unprintable",
    "idempotency_key_reused",
    "usage",
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
            code = response.json().get("code") if response.status_code in (400, 422) else ""
            left_out = [positive_data_acceptance] if code in SEMANTIC else []
            if "multipart" in str(case.media_type):
                # A part without a file name is no file to Django, whatever the schema says.
                left_out = [positive_data_acceptance]
            if _names(response) <= {each.name for each in case.operation.query}:
                # A name that has an empty list as its value never leaves.
                left_out.append(negative_data_rejection)
            case.validate_response(response, headers=headers, excluded_checks=left_out)

        try:
            ask()
        except BaseExceptionGroup as error:  # each kind of failure of an operation once
            failures.append(f"{operation.label} ({mode}): {error.exceptions}")


def _names(response):
    return set(parse_qs(urlsplit(response.request.url).query, keep_blank_values=True))
