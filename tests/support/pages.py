"""What a page says, without its markup."""

from __future__ import annotations

import html
import re

from django.urls import reverse


def url(batch, name="progress"):
    return reverse(f"admin:videogen_renderbatch_{name}", args=[batch.pk])


def content(response):
    page = response.content.decode()
    return page[page.index('id="content-main"') : page.index('id="footer"')]


def messages(response):
    return [str(message) for message in response.context["messages"]]


def told(page):
    """Its text, without tags."""
    return html.unescape(" ".join(re.sub(r"<[^>]*>", " ", page.text).split()))
