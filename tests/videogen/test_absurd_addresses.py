"""Every page of the admin with values in its address that mean nothing: a person gets the page, or
is told that there is none. A server error is none of the two."""

from __future__ import annotations

import itertools
import logging
from urllib.parse import quote, urlencode, urlsplit

import pytest
from django.contrib import admin
from django.db import transaction
from django.urls import Resolver404, resolve

from tests.support.admin_urls import addresses, person
from tests.support.all_states import make_everything

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

HUGE = "99999999999999999999"
ABSURD = [HUGE, "\0", "99999-99-99"]
# Of pages of our own, which read all of their parameters and refuse none.
MORE = ["nan", "9999-12-31T23:59:59.999999+23:59", "0001-01-01T00:00:00-23:59"]
# What stands in a path, where a slash or nothing at all would be another address.
ABSURD_KEYS = [HUGE, "\0"]
# What our own pages read, and what Django's lists and forms do.
OWN = ("since", "state", "status", "newest", "a", "b", "open", "asked", "days", "month", "mode")
OF_LISTS = ("o", "p", "q", "_to_field", "id", "no_such")


RECORD_PAGES = {"changelist", "add", "change", "delete", "history"}
ADMINS = {f"{m._meta.app_label}_{m._meta.model_name}": a for m, a in admin.site._registry.items()}


@pytest.fixture
def world(caplog, settings):
    caplog.set_level(logging.CRITICAL, "django.request")
    settings.VIDEO_SUBMIT_WEBHOOK_URI = "https://videogen.example/events/video/"
    return make_everything()


def of_lists(address):
    """One parameter at a time: Django stops at the first that it refuses."""
    model_admin, page = page_of(address)
    if page == "changelist":
        for name, value in itertools.product([*OF_LISTS, *filters_of(model_admin)], ABSURD):
            yield f"{address}?{urlencode({name: value})}"


def of_forms(address):
    model_admin, page = page_of(address)
    if model_admin and page == "add":
        for name, value in itertools.product(fields_of(model_admin), ABSURD):
            yield f"{address}?{urlencode({name: value})}"


def of_own_pages(address):
    model_admin, page = page_of(address)
    if model_admin is None or page not in RECORD_PAGES:
        for value in ABSURD + MORE:
            names = urlencode(dict.fromkeys(OWN, value))
            yield f"{address}{'&' if '?' in address else '?'}{names}"


def page_of(address):
    model, _, page = (resolve(urlsplit(address).path).url_name or "").rpartition("_")
    return ADMINS.get(model), page


def fields_of(model_admin):
    return [each.name for each in model_admin.opts.get_fields() if each.is_relation]


def filters_of(model_admin):
    for each in model_admin.list_filter:
        each = each[0] if isinstance(each, tuple) else each
        if not isinstance(each, str):
            yield each.parameter_name
        else:
            yield from (each, f"{each}__exact", f"{each}__id__exact")


def of_keys(address):
    path = urlsplit(address).path
    parts = path.split("/")
    for place, part in enumerate(parts):
        if part.isdigit() or len(part) == 32:
            for key in ABSURD_KEYS:
                changed = "/".join([*parts[:place], quote(key), *parts[place + 1 :]])
                try:
                    resolve(changed.replace("%00", "\0"))
                except Resolver404:
                    continue
                yield changed


@pytest.mark.parametrize(
    ("absurd", "at_least"), [(of_lists, 500), (of_forms, 20), (of_own_pages, 150), (of_keys, 100)]
)
def test_nothing_in_an_address_breaks_a_page(absurd, at_least, world):
    browser = person("superuser")
    asked, broken = 0, []

    # One page for each route: the shots' pages are many and alike.
    routes = {resolve(urlsplit(each).path).route: each for each in addresses(world)}
    pages = itertools.chain.from_iterable(map(absurd, routes.values()))
    for address in dict.fromkeys(pages):
        with transaction.atomic():
            response = browser.get(address)
            transaction.set_rollback(True)
        if response.streaming:
            b"".join(response.streaming_content)  # a plain close() would end the connection, too
        asked += 1
        if response.status_code >= 500:
            broken.append(f"{response.status_code} {address[:150]}")

    assert not broken, f"{len(broken)} of {asked}:\n" + "\n".join(broken)
    assert asked >= at_least


@pytest.mark.parametrize(
    ("model", "field"),
    [
        ("videogen/budget", "story"),
        ("videogen/budget", "user"),
        ("videogen/referencechoice", "shot"),
        ("storybook/scenelet", "story"),
        ("storybook/scenelet", "parent"),
        ("storybook/shot", "scenelet"),
        ("storybook/designdocument", "story"),
    ],
)
def test_a_posted_key_that_is_none_is_refused_in_the_form(admin_client, model, field):
    response = admin_client.post(f"/admin/{model}/add/", {field: "abc"})

    assert response.status_code == 200
    assert field in response.context["adminform"].form.errors
