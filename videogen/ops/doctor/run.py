"""The list of checks. Each runs on its own, so that a check that breaks becomes a finding."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial

from django.conf import settings

from storybook.media_store import media

from . import (
    clock,
    configuration,
    database,
    pictures,
    provider,
    provider_api,
    spending,
    storage,
    workers,
)
from .check import BackgroundCall, Check, Examination
from .findings import SECRET_SETTINGS, Finding, Topic, without_secrets, words_of

logger = logging.getLogger(__name__)

# The checks in the order of their findings. These come before the calls to others: importing the
# SDK would take a second or two of their time, and the table of models says which API to call.
FIRST: tuple[tuple[Topic, Check], ...] = (
    (provider_api.SDK, provider_api.check_sdk),
    (database.DATABASE, database.check_database),
    (database.MIGRATIONS, database.check_migrations),
)
CHECKS: tuple[tuple[Topic, Check], ...] = (
    (configuration.CONFIGURATION, configuration.check_configuration),
    (configuration.DEBUG, configuration.check_debug),
    (provider_api.KEY, provider_api.check_key),
    (provider_api.API, provider_api.check_api),
    (provider_api.MODEL, provider_api.check_model),
    (clock.CLOCK, clock.check_clock),
    (clock.ZONES, clock.check_zones),
    (storage.MEDIA, storage.check_media),
    (storage.STORE, storage.check_store),
    (storage.STATE, storage.check_state),
    (storage.DISK, storage.check_disk),
    (storage.PRIVACY, storage.check_privacy),
    (pictures.VIDEO, pictures.check_video),
    (pictures.PICTURES, pictures.check_pictures),
    (workers.REDIS, workers.check_redis),
    (spending.PATIENCE, spending.check_patience),
)
WITH_TABLES: tuple[tuple[Topic, Check], ...] = (
    (database.HOSTS, database.check_hosts),
    (workers.WORKERS, workers.check_workers),
    (workers.QUEUE, workers.check_queue),
    (storage.CLIPS, storage.check_clips),
    (storage.LEFTOVERS, storage.check_leftovers),
    (provider_api.REQUEST, provider_api.check_request),
    (spending.PRICE, spending.check_price),
    (spending.QUOTA, spending.check_quota),
    (spending.BUDGET, spending.check_budget),
)

# Somebody who runs a command can wait longer than somebody who opens a page.
SECONDS = 10.0
SECONDS_OF_PAGE = 4.0


def examine(*, is_offline: bool = False, seconds: float = SECONDS) -> list[Finding]:
    """Run every check and return what they found. Errors become findings.

    The calls to others begin together and may take `seconds`. With `is_offline` the video API is
    not called.
    """
    exam = Examination(is_offline, seconds)
    findings: list[Finding] = []
    for topic, check in FIRST:
        findings += _run(topic, check, exam)
    _ask(exam)
    for topic, check in CHECKS:
        findings += _run(topic, check, exam)
    for topic, check in WITH_TABLES:
        if exam.has_tables:
            findings += _run(topic, check, exam)
        else:
            findings.append(topic.warn("Not checked.", "Fix the database first."))
    secrets = _secrets()
    return [
        replace(
            each,
            sentence=without_secrets(each.sentence, secrets),
            what_to_do=without_secrets(each.what_to_do, secrets),
        )
        for each in findings
    ]


def _ask(exam: Examination) -> None:
    exam.route = provider.route_of_model(has_tables=exam.has_tables)
    if not exam.is_offline:
        address = provider.address(exam.route)
        exam.models = BackgroundCall(partial(provider_api.ask_models, exam.route), exam.seconds)
        exam.clock = BackgroundCall(partial(clock.ask_clock, address, exam.seconds), exam.seconds)
    if "redis" in settings.Q_CLUSTER:
        exam.redis = BackgroundCall(partial(workers.ping_redis, exam.seconds), exam.seconds)
    if media.is_remote:
        exam.store = BackgroundCall(media.probe, exam.seconds)


def _run(topic: Topic, check: Check, exam: Examination) -> list[Finding]:
    findings: list[Finding] = []
    try:
        for each in check(exam):
            findings.append(each)
    except Exception as error:  # noqa: BLE001 (whatever it is, the other checks run, too)
        logger.debug("The check %s broke.", topic.key, exc_info=True)
        findings.append(
            topic.fail(
                f"This could not be checked: {type(error).__name__}: {words_of(error)}",
                "Fix the other findings first. If this one stays, this is a bug.",
            )
        )
    return findings


def _secrets() -> list[str]:
    """Return the secrets in the settings, because a setting need not come from the environment."""
    values = [getattr(settings, name) for name in {*SECRET_SETTINGS.values()} - {""}]
    return [*values, str(settings.DATABASES["default"].get("PASSWORD") or "")]
