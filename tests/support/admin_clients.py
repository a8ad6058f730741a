"""Browsers in which somebody is logged in, for tests of the screens."""

from __future__ import annotations

import itertools
import json
import re

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

VIEWS = (
    "storybook.view_shot",
    "videogen.view_videorender",
    "videogen.view_renderbatch",
    "videogen.view_submission",
    "videogen.view_lane",
    "videogen.view_referencechoice",
)

# At most so many queries the bar at the top of every page makes.
BAR_QUERIES = 9

_numbers = itertools.count(1)


def browser_of(*permissions, **values):
    """Of a member of the staff who may do just this: "app.codename"."""
    values = {"username": f"user-{next(_numbers)}", "is_staff": True} | values
    user = get_user_model().objects.create_user(**values)
    for each in permissions:
        app, codename = each.split(".")
        user.user_permissions.add(
            Permission.objects.get(content_type__app_label=app, codename=codename)
        )
    browser = Client()
    browser.force_login(user)
    return browser


def viewer(**values):
    return browser_of(*VIEWS, **values)


def producer(**values):
    """Of someone who may see everything and generate videos."""
    return browser_of(*VIEWS, "videogen.generate_video", **values)


def fingerprint(response):
    """Of the plan that the page shows: it has to come back with the confirmation."""
    return re.search(r'name="planned" value="([0-9a-f]{64})"', response.content.decode())[1]


def ask(browser, method, address):
    """The answer, and the statements that wrote something. Nothing of it stays."""
    cookies = dict(browser.cookies)
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        response = getattr(browser, method.lower())(address)
        if response.streaming:
            response.close()
        transaction.set_rollback(True)
    browser.cookies.clear()
    browser.cookies.update(cookies)
    writes = [
        each["sql"]
        for each in queries.captured_queries
        if each["sql"].startswith(("INSERT", "UPDATE", "DELETE"))
    ]
    return response, writes


def parts_of(response):
    """The HTML in it: a page, or the parts of one that are sent as JSON."""
    if response.status_code != 200 or response.streaming:
        return []
    if response["Content-Type"].startswith("application/json"):
        parts = json.loads(response.content).get("parts", {})
        return list(parts.values())
    return [response.text] if response["Content-Type"].startswith("text/html") else []
