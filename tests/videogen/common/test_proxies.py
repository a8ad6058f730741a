from __future__ import annotations

import httpx
import pytest

from videogen.common.proxies import BadProxySetting, open_http, proxy_for, proxy_problem


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_PROXY", "socks5://me:secret-word@127.0.0.1:1080"),
        ("HTTPS_PROXY", "socks5h://127.0.0.1:1080"),
        ("https_proxy", "socks4://127.0.0.1:1080"),
        ("HTTP_PROXY", "ftp://127.0.0.1:1080"),
        ("HTTPS_PROXY", "http://127.0.0.1:port"),
        ("HTTPS_PROXY", "http://"),
        ("NO_PROXY", "localhost,[::1]"),
        ("NO_PROXY", "fd00::/8"),
        ("no_proxy", "example.com, [fd00::1]:443"),
    ],
)
def test_what_no_client_can_use_is_named(monkeypatch, name, value):
    monkeypatch.setenv(name, value)

    problem = proxy_problem()

    assert problem.startswith(f"{name} ")
    assert "secret-word" not in problem
    with pytest.raises(BadProxySetting, match=name):
        open_http()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTPS_PROXY", "http://me:word@proxy.example:3128"),
        ("HTTPS_PROXY", "proxy.example:3128"),
        ("ALL_PROXY", "http://[::1]:3128"),
        ("NO_PROXY", "localhost,127.0.0.1,::1,10.0.0.0/8,.example.com,*.corp,fd00::1"),
        ("NO_PROXY", "*,[::1]"),
        ("NO_PROXY", "http://inside.example"),
    ],
)
def test_what_clients_can_use_is_left_to_them(monkeypatch, name, value):
    monkeypatch.setenv(name, value)

    assert proxy_problem() == ""
    open_http(verify=False).close()


@pytest.mark.parametrize("value", ["socks5://h:1", "http://h:port", "[::1]", "fd00::/8", "a b"])
@pytest.mark.parametrize("name", ["ALL_PROXY", "NO_PROXY"])
def test_it_is_the_judgement_of_the_library(monkeypatch, name, value):
    """Whatever httpx refuses is named, and nothing else is."""
    monkeypatch.setenv(name, value)

    try:
        httpx.Client(verify=False).close()
    except (ImportError, ValueError, httpx.InvalidURL):
        assert proxy_problem()
    else:
        assert proxy_problem() == ""


def test_which_proxy_serves_an_address(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "http://h:1")
    assert proxy_for("https") == "ALL_PROXY"

    monkeypatch.setenv("https_proxy", "http://h:2")
    assert proxy_for("https") == "https_proxy"
    assert proxy_for("http") == "ALL_PROXY"
