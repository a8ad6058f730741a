"""Every page of the admin with values in its address that mean nothing: a person gets the page, or
is told that there is none. A server error is none of the two."""

from __future__ import annotations

import itertools
import logging
from collections import Counter
from urllib.parse import quote, urlencode, urlsplit

import pytest
from django.contrib import admin
from django.db import transaction
from django.urls import Resolver404, resolve

from tests.support.admin_urls import addresses, person
from tests.support.all_states import make_everything

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

ABSURD = [
    "99999999999999999999",
    "-99999999999999999999",
    "9" * 5000,
    "\0",
    "a\0b",
    "99999-99-99",
    "0000-00-00",
    "9999-12-31T23:59:59.999999+23:59",
    "0001-01-01T00:00:00-23:59",
    "nan",
    "1e999",
    "\N{ARABIC-INDIC DIGIT THREE}",
    "[",
    "__",
]
# What stands in a path, where a slash or nothing at all would be another address.
ABSURD_KEYS = ["99999999999999999999", "-1", "\0", "9" * 5000, "_00"]
# What our own pages read, and what Django's lists and forms do.
OWN = ("since", "state", "status", "newest", "a", "b", "open", "asked", "days", "month", "mode")
OF_LISTS = ("o", "p", "q", "e", "all", "_facets", "_popup", "_to_field", "id", "pk", "no_such")


@pytest.fixture
def world(caplog, settings):
    caplog.set_level(logging.CRITICAL, "django.request")
    settings.VIDEO_SUBMIT_WEBHOOK_URI = "https://videogen.example/events/video/"
    return make_everything()


def parameters_of(address):
    """The names that mean something to the page behind this address, as far as can be known."""
    route = resolve(urlsplit(address).path)
    app, _, page = route.url_name.rpartition("_") if route.url_name else ("", "", "")
    by_name = {f"{m._meta.app_label}_{m._meta.model_name}": m for m in admin.site._registry}
    model = by_name.get(app)
    if model is None:
        return OWN
    if page == "changelist":
        return (*OF_LISTS, *filters_of(admin.site.get_model_admin(model)))
    if page == "add":
        return [field.name for field in model._meta.get_fields() if not field.auto_created]
    return ("_changelist_filters", "_to_field", "_popup")


def filters_of(model_admin):
    for each in model_admin.list_filter:
        each = each[0] if isinstance(each, tuple) else each
        if isinstance(each, str):
            for suffix in ("", "__exact", "__id__exact", "__gte", "__lt", "__isnull", "__in"):
                yield f"{each}{suffix}"
        else:
            yield each.parameter_name


def with_absurd_values(address):
    for name, value in itertools.product(parameters_of(address), ABSURD):
        yield f"{address}{'&' if '?' in address else '?'}{urlencode({name: value})}"


def with_absurd_keys(address):
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


def test_nothing_in_an_address_breaks_a_page(world):
    browser = person("superuser")
    asked, broken = Counter(), []
    pages = addresses(world)

    for kind, absurd in (("value", with_absurd_values), ("key", with_absurd_keys)):
        for address in dict.fromkeys(itertools.chain.from_iterable(map(absurd, pages))):
            with transaction.atomic():
                response = browser.get(address)
                transaction.set_rollback(True)
            if response.streaming:
                response.close()
            asked[kind] += 1
            if response.status_code >= 500:
                broken.append(f"{response.status_code} {address[:150]}")

    assert not broken, f"{len(broken)} of {asked.total()}:\n" + "\n".join(broken)
    assert asked["value"] > 1000 and asked["key"] > 200
