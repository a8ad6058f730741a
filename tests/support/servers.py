"""Servers for tests that SQLite alone cannot answer. VIDEO_TEST_POSTGRES_URL names a PostgreSQL on
which databases may be made, VIDEO_TEST_REDIS_URL a Redis whose database may be emptied. Where they
are named they have to be there: a server that does not answer is a failure, not a skip."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
import pytest

POSTGRES = os.environ.get("VIDEO_TEST_POSTGRES_URL", "")
REDIS = os.environ.get("VIDEO_TEST_REDIS_URL", "")


@contextmanager
def postgres_database(name: str) -> Iterator[str]:
    """The URL of a new, empty database, which is dropped at the end."""
    if not POSTGRES:
        pytest.skip("VIDEO_TEST_POSTGRES_URL names no PostgreSQL")
    name = f"{name}_{os.getpid()}"
    _on_server(f"CREATE DATABASE {name}")
    try:
        yield urlsplit(POSTGRES)._replace(path=f"/{name}").geturl()
    finally:
        _on_server(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def redis_url() -> str:
    if not REDIS:
        pytest.skip("VIDEO_TEST_REDIS_URL names no Redis")
    return REDIS


def _on_server(statement: str) -> None:
    with psycopg.connect(POSTGRES, autocommit=True) as connection:
        connection.execute(statement)
