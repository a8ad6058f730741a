"""HTTP clients, and the proxies that the environment names for them.

httpx and the SDK read HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY by themselves. A value that
they cannot use breaks every client when it is made, so it is looked for beforehand and named.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx

_SCHEMES = ("https", "http", "all")


class BadProxySetting(httpx.UnsupportedProtocol):
    """No client can be made with the proxies of the environment. The text is a sentence that names
    the variable."""


def open_http(**options: Any) -> httpx.Client:
    """Return a client. Raises BadProxySetting, which is an httpx.HTTPError as a refused connection
    is one."""
    if problem := proxy_problem():
        raise BadProxySetting(problem)
    return httpx.Client(**options)


def proxy_problem() -> str:
    """Return a sentence that says which variable cannot be used and why, or ""."""
    return next(_problems(), "")


def proxy_for(scheme: str) -> str:
    """Return the name of the variable whose proxy serves addresses with that scheme, or "". The
    value is not returned, because it may hold a password."""
    proxies = getproxies()
    return next((_variable(each) for each in (scheme, "all") if proxies.get(each)), "")


def _problems() -> Iterator[str]:
    proxies = getproxies()
    without = [each.strip() for each in proxies.get("no", "").split(",")]
    if "*" in without:
        return
    for scheme in _SCHEMES:
        value = proxies.get(scheme, "")
        if value and (reason := _proxy_reason(value)):
            yield (
                f"{_variable(scheme)} names a proxy that cannot be used: {reason}. Name an HTTP "
                "proxy (http://host:port), or unset the variable."
            )
    for each in filter(None, without):
        try:
            httpx.URL(_pattern(each))
        except (httpx.InvalidURL, ValueError):
            yield (
                f"{_variable('no')} has an entry that cannot be used: {ascii(each)[1:-1]}. Remove "
                "it: an IPv6 address has no brackets there, and a range of them is not known."
            )


def _proxy_reason(value: str) -> str:
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
        httpx.URL(parts.geturl())
        parts.port  # noqa: B018 (raises ValueError if it is not a number)
    except (httpx.InvalidURL, ValueError):
        return "it is not an address"
    if parts.scheme not in ("http", "https"):
        return f"{parts.scheme}:// proxies are not supported"
    return "" if parts.hostname else "it names no host"


def _pattern(host: str) -> str:
    """Return what httpx makes of an entry of NO_PROXY."""
    if "://" in host:
        return host
    address, _, _ = host.partition("/")
    try:
        version = ipaddress.ip_address(address).version
    except ValueError:
        return f"all://{host}" if host.lower() == "localhost" else f"all://*{host}"
    return f"all://{host}" if version == 4 else f"all://[{host}]"


def _variable(scheme: str) -> str:
    """Return the name under which the environment has the proxy. In lower case it wins."""
    name = f"{scheme}_proxy"
    return name if os.environ.get(name) else name.upper()
