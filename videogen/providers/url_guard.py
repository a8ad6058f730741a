"""Decides which download links may be opened, and to which addresses to connect for them.

A link from the API may lead to the API's own host or to one of VIDEO_DOWNLOAD_HOSTS. A link from a
person may lead to any host, because only people with that permission may give one. Both have to be
https on the public network. The hosts of the base URLs are excepted: an operator chose them, and
they may be a simulator on this machine or a proxy in the local network.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx
from django.conf import settings

from videogen.common.addresses import LOOPBACK
from videogen.common.errors import DownloadError, RequestError
from videogen.common.untrusted_text import has_secret

from .messages import INLINE

# The name of a file, alone or as a path, without or with the words that ask for its bytes.
_FILE_NAME = re.compile(
    r"/?(?:v1[a-z0-9]*/)?(files/[A-Za-z0-9_-]+)/?(?::download)?(?:\?alt=\w+)?", re.ASCII
)
_GOOGLE = "generativelanguage.googleapis.com"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_PORTS = {"http": 80, "https": 443}
# IPv6 addresses that stand for an IPv4 address: a gateway passes the connection on to that one.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# What Python 3.11.7 takes for public, or for nothing special: IPv4 addresses in the old form
# (::127.0.0.1), site-local ones, NAT64 of a network's own, 192.0.0.0/24 whole, and documentation.
_NEVER_PUBLIC = [
    ipaddress.ip_network(each)
    for each in (
        "::/96",
        "::ffff:0:0:0/96",
        "fec0::/10",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
        "192.0.0.0/24",
        "192.88.99.0/24",
    )
]


def read_link(uri: str) -> httpx.URL:
    """Parse the link with httpx, which also opens it, so that exactly what is checked is opened.
    Raises DownloadError if it does not lead to a web server, or leads to one on the public network
    without encryption."""
    try:
        url = httpx.URL(uri)
        host = urlsplit(uri).hostname or ""
        # httpx decodes the name of the host only here.
        read_host = url.host
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise _refused("The link cannot be read.", "bad_link") from error
    if url.scheme not in _PORTS or not read_host:
        raise _refused("The link does not lead to a web server (http or https).", "bad_link")
    if host.lower() != read_host.lower():
        # A link that two parsers read differently was made to deceive.
        raise _refused("The link cannot be read.", "bad_link")
    if url.scheme == "http" and not _is_exempt(url):
        raise _refused("The link has to begin with https://.", "bad_link")
    return url


def addresses_of(url: httpx.URL, *, is_given: bool) -> Sequence[str]:
    """Return the addresses that the link's host has now, all of them checked. The caller connects
    to one of these, so that the name cannot lead elsewhere a moment after the check. The result is
    empty if a proxy resolves the name.

    `is_given` says that a person gave the link; otherwise the API did. Raises DownloadError if the
    link may not be opened, and OSError if the name is unknown.
    """
    host = url.host
    if not is_given and not is_allowed_host(host):
        raise _refused(
            f"The link leads to {host}, which is neither the API's host nor one of "
            "VIDEO_DOWNLOAD_HOSTS.",
            "host_not_allowed",
        )
    if _is_literal(host):
        found = [host]
    elif {url.scheme, "all"} & getproxies().keys() and not proxy_bypass(host):
        return []
    else:
        found = _resolve(host, url.port or _PORTS[url.scheme])
    if not _is_exempt(url) and not all(is_public(each) for each in found):
        raise _refused(
            f"The link leads to {host}, which is not on the public network.", "private_address"
        )
    return found


def is_allowed_host(host: str) -> bool:
    return _is_api_host(host) or any(
        host.endswith(allowed[1:]) if allowed.startswith("*.") else host == allowed
        for allowed in settings.VIDEO_DOWNLOAD_HOSTS
    )


def is_public(address: str) -> bool:
    """Whether the address is on the public network: not this machine, not its local network, and
    nothing else that is reserved."""
    each = ipaddress.ip_address(address.partition("%")[0])
    if any(each in network for network in _NEVER_PUBLIC if network.version == each.version):
        return False
    inner = _inner(each)
    return each.is_global and not each.is_multicast and (inner is None or is_public(str(inner)))


def origin_of(url: httpx.URL) -> tuple[str, str, int | None]:
    """Return scheme, host and port. The key is sent only where all three are those of the API."""
    return url.scheme, url.host, url.port or _PORTS.get(url.scheme)


def is_of_api(uri: str) -> bool:
    """Whether the link leads to the API's own scheme, host and port."""
    try:
        return origin_of(httpx.URL(uri)) == origin_of(httpx.URL(settings.VIDEO_API_BASE_URL))
    except (httpx.InvalidURL, ValueError):
        return False


def _bases() -> list[httpx.URL]:
    bases = [settings.VIDEO_API_BASE_URL]
    if settings.VIDEO_VERTEX_STORAGE_URI:
        bases.append(settings.VIDEO_STORAGE_BASE_URL)
    return [httpx.URL(base) for base in bases]


def _is_api_host(host: str) -> bool:
    return host in [base.host for base in _bases()]


def _is_exempt(url: httpx.URL) -> bool:
    """Whether an operator chose this very server: the origin of a base URL, or its host's https. On
    this machine the simulator uses a second port."""
    return any(
        origin_of(url) == origin_of(base)
        or url.host == base.host
        and (base.host in LOOPBACK or origin_of(url)[::2] == ("https", 443))
        for base in _bases()
    )


def _resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _inner(address: Address) -> Address | None:
    if not isinstance(address, ipaddress.IPv6Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo and teredo[1]) or None


def _refused(sentence: str, code: str) -> DownloadError:
    return DownloadError(sentence, code=code, permanent=True)


def given_link(text: str) -> str:
    """Return the link that a person gave, without surrounding spaces. The name of a file, or its
    address at the API, becomes the link to its bytes.

    Raises RequestError if it is empty, if it contains the key (links are stored and shown), or if
    it is our own mark for a video within an answer. The download checks whether it can be opened.
    """
    link = text.strip()
    if not link:
        raise RequestError("The download link is empty.", code="bad_link")
    if has_secret(link):
        raise RequestError(
            "Leave the key out of the link; it is sent in a header.", code="bad_link"
        )
    if link.lower() == INLINE:
        raise RequestError(
            "The download link has to begin with http:// or https:// (or gs://, on Vertex AI).",
            code="bad_link",
        )
    return _completed(link)


def file_link(name: str, base: str = "") -> str:
    """Return the link to download the API's file of that name (files/…)."""
    return f"{(base or settings.VIDEO_API_BASE_URL).rstrip('/')}/v1beta/{name}:download?alt=media"


def _completed(link: str) -> str:
    """Return a file's name, or its address at the API, as the link to its bytes: the address alone
    gives a description of the file."""
    if match := _FILE_NAME.fullmatch(link):
        return file_link(match[1])
    try:
        url = httpx.URL(link)
        match = _FILE_NAME.fullmatch(url.path)
        if match and (is_of_api(link) or origin_of(url) == ("https", _GOOGLE, 443)):
            return file_link(match[1], f"{url.scheme}://{url.netloc.decode()}")
    except (httpx.InvalidURL, ValueError):
        pass  # The download says what is wrong with it.
    return link
