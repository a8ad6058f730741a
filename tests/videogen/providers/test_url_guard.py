"""Which links may be downloaded, and that the connection goes where the check looked."""

from __future__ import annotations

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.clips import write_clip
from tests.support.factories import make_lane, make_render, make_shot
from tests.support.far_end import KEY, FarEnd
from videogen.common.errors import DownloadError
from videogen.models import VideoRender
from videogen.models.people import Requester
from videogen.providers.url_guard import (
    addresses_of,
    given_link,
    is_allowed_host,
    is_public,
    read_link,
)
from videogen.recovery.decisions import attach_link
from videogen.takes.download_worker import Downloads
from videogen.takes.fetch import fetch_clip, new_client

State = VideoRender.State

GOOGLE = "https://generativelanguage.googleapis.com"


@pytest.fixture
def names(monkeypatch):
    """A name server: names["x"] is a list of answers, which are given one after the other."""
    answers = {}
    ask = socket.getaddrinfo

    def resolve(host, port, *args, **kwargs):
        if host not in answers:
            if host and host.replace(".", "").isdigit():
                return ask(host, port, *args, **kwargs)
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        found = answers[host].pop(0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in found]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return answers


def failure(uri, *, is_given=False):
    with new_client() as client, pytest.raises(DownloadError) as caught:
        fetch_clip(client, uri, 7, is_given=is_given)
    return caught.value


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("142.250.74.78", True),
        ("2a00:1450:4001:800::200a", True),
        ("127.0.0.1", False),
        ("127.8.8.8", False),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::7f00:1", False),
        ("::ffff:0:7f00:1", False),
        ("fec0::1", False),
        ("64:ff9b:1::7f00:1", False),
        ("192.0.0.192", False),
        ("192.0.0.9", False),
        ("2001:0:7f00:1::", False),
        ("ff02::1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::a00:1", False),
        ("2002:a00:1::", False),
    ],
)
def test_what_is_on_the_public_network(address, expected):
    assert is_public(address) is expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("generativelanguage.googleapis.com", True),
        ("storage.googleapis.com", True),
        ("lh3.googleusercontent.com", True),
        ("eu-storage.googleapis.com", True),
        ("api.example", True),
        ("googleapis.com", False),
        ("notgoogleapis.com", False),
        ("storage.googleapis.com.example", False),
        ("localhost", False),
    ],
)
def test_where_the_api_may_send_us(settings, host, expected):
    settings.VIDEO_API_BASE_URL = "https://api.example"

    assert is_allowed_host(host) is expected


@pytest.mark.parametrize(
    "link",
    [
        "https://10.0.0.7/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://169.254.169.254/latest/meta-data",
        "https://2130706433/x",
        "https://inside.example/x",
        "https://both.example/x",
    ],
)
@pytest.mark.parametrize("is_given", [True, False])
def test_a_private_address_is_not_opened(settings, names, link, is_given):
    settings.VIDEO_API_BASE_URL = GOOGLE
    settings.VIDEO_DOWNLOAD_HOSTS = ["*.example", "10.0.0.7", "127.0.0.1", "2130706433"]
    names["inside.example"] = [["192.168.7.7"]]
    names["both.example"] = [["142.250.74.78", "127.0.0.1"]]

    error = failure(link, is_given=is_given)

    assert error.code in ("private_address", "host_not_allowed")
    assert error.permanent
    assert not is_given or error.code == "private_address"


@pytest.mark.parametrize(
    ("link", "code"),
    [
        ("http://videos.example/x", "bad_link"),
        ("http://generativelanguage.googleapis.com:81@videos.example/x", "bad_link"),
        ("https://generativelanguage.googleapis.com\\@127.0.0.1/x", "host_not_allowed"),
        ("https://videos.example/x", "host_not_allowed"),
    ],
)
def test_a_link_of_the_apis_to_another_host_is_refused(settings, names, link, code):
    settings.VIDEO_API_BASE_URL = GOOGLE

    error = failure(link)

    assert (error.code, error.permanent) == (code, True)


def test_a_link_that_a_person_gave_may_lead_to_any_public_host(settings, names):
    settings.VIDEO_API_BASE_URL = GOOGLE

    error = failure("https://videos.example/x", is_given=True)

    # The name was looked up, so the link itself was not refused.
    assert (error.code, error.permanent) == ("broken_off", False)
    assert "name" in error.sentence


def test_a_redirect_into_the_private_network_is_not_followed(settings, names, far_end):
    settings.VIDEO_API_BASE_URL = far_end.url
    settings.VIDEO_DOWNLOAD_HOSTS = ["*.example"]
    names["inside.example"] = [["10.0.0.7"]]
    far_end.answer(302, Location="https://inside.example/x")

    error = failure(f"{far_end.url}/x", is_given=True)

    assert error.code == "private_address"
    assert len(far_end.requests) == 1


def test_a_redirect_of_the_apis_to_another_host_is_not_followed(settings, far_end):
    settings.VIDEO_API_BASE_URL = far_end.url
    far_end.answer(302, Location="https://videos.example/x")

    assert failure(f"{far_end.url}/x").code == "host_not_allowed"


def test_the_name_is_asked_for_once_and_the_checked_address_is_called(
    settings, names, far_end, tmp_path
):
    settings.VIDEO_API_BASE_URL = f"http://api.example:{far_end.server_port}"
    names["api.example"] = [["127.0.0.1"]]  # a second question has no answer
    far_end.answer(200, write_clip(tmp_path / "clip.mp4"))

    with new_client() as client:
        fetch_clip(client, f"{settings.VIDEO_API_BASE_URL}/x", 7)

    [(_, _, headers, _)] = far_end.requests
    assert headers["host"] == f"api.example:{far_end.server_port}"
    assert headers["x-goog-api-key"] == KEY


def test_an_address_that_does_not_answer_is_followed_by_the_next(
    settings, names, far_end, tmp_path
):
    settings.VIDEO_API_BASE_URL = f"http://api.example:{far_end.server_port}"
    names["api.example"] = [["127.77.7.7", "127.0.0.1"]]
    far_end.answer(200, write_clip(tmp_path / "clip.mp4"))

    with new_client() as client:
        fetch_clip(client, f"{settings.VIDEO_API_BASE_URL}/x", 7)

    assert len(far_end.requests) == 1


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "ALL_PROXY"])
def test_behind_a_proxy_the_proxy_asks_for_the_name(names, monkeypatch, variable):
    monkeypatch.setenv(variable, "http://127.0.0.1:9")

    assert addresses_of(httpx.URL(f"{GOOGLE}/x"), is_given=False) == []
    with pytest.raises(DownloadError):
        addresses_of(httpx.URL("https://10.0.0.7/x"), is_given=True)


@pytest.mark.parametrize(("name", "is_trusted"), [("api.example", True), ("other.example", False)])
def test_the_certificate_has_to_be_the_names(settings, names, tmp_path, name, is_trusted):
    certificate = self_signed(name, tmp_path)
    server = FarEnd()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None
    server.answer(200, write_clip(tmp_path / "clip.mp4"))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    settings.VIDEO_API_BASE_URL = f"https://api.example:{server.server_port}"
    names["api.example"] = [["127.0.0.1"]]
    trust = ssl.create_default_context(cafile=str(certificate))

    try:
        with httpx.Client(verify=trust, follow_redirects=False) as client:
            if is_trusted:
                assert fetch_clip(client, f"{settings.VIDEO_API_BASE_URL}/x", 7)
            else:
                with pytest.raises(DownloadError):
                    fetch_clip(client, f"{settings.VIDEO_API_BASE_URL}/x", 7)
    finally:
        server.shutdown()
        server.server_close()

    assert len(server.requests) == is_trusted


def self_signed(name, folder):
    """Return a file with a certificate for that name, and with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return file


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("who", ["the API", "the command", "the admin"])
def test_whose_link_it_is_decides_where_it_may_lead(settings, names, who):
    settings.VIDEO_API_BASE_URL = GOOGLE
    settings.VIDEO_DOWNLOAD_ATTEMPTS = 1
    link = "https://videos.example/clip.mp4"
    lane = make_lane()
    if who == "the API":
        render = make_render(make_shot(), State.DOWNLOADING, lane=lane, download_uri=link)
    elif who == "the command":
        render = make_render(
            make_shot(),
            State.DOWNLOADING,
            lane=lane,
            download_uri=link,
            kind="link",
            is_link_given=True,
        )
    else:
        render = make_render(make_shot(), State.UNKNOWN, lane=lane)
        assert attach_link(render, link, Requester("admin", name="ines"))
    downloads = Downloads([lane])

    while downloads.tick():
        pass
    downloads.close()

    render.refresh_from_db()
    assert render.error_code == ("host_not_allowed" if who == "the API" else "broken_off")
    assert render.state == (State.FAILED if who == "the command" else State.NOT_DOWNLOADED)


@pytest.mark.parametrize("link", ["https://xn--/", "https://xn--a/x", "http://xn--/x"])
@pytest.mark.parametrize("is_given", [True, False])
def test_a_host_name_that_cannot_be_decoded_is_no_host(settings, link, is_given):
    settings.VIDEO_API_BASE_URL = GOOGLE

    assert failure(link, is_given=is_given).code in ("bad_link", "host_not_allowed", "broken_off")


@pytest.mark.parametrize(
    ("link", "code"),
    [
        ("http://api.example/x", "bad_link"),
        ("https://api.example:8443/x", "private_address"),
        ("https://api.example/x", None),
    ],
)
def test_the_apis_host_is_exempt_at_its_own_port_only(settings, names, link, code):
    settings.VIDEO_API_BASE_URL = "https://api.example"
    names["api.example"] = [["10.0.0.7"]]

    try:
        found = addresses_of(read_link(link), is_given=False)
    except DownloadError as error:
        assert error.code == code
    else:
        assert (found, code) == (["10.0.0.7"], None)


API = "http://127.0.0.1:8787"
FILE = f"{API}/v1beta/files/f0001:download?alt=media"


@pytest.mark.parametrize(
    ("given", "link"),
    [
        ("files/f0001", FILE),
        (" /files/f0001 ", FILE),
        ("v1beta/files/f0001", FILE),
        ("files/f0001:download", FILE),
        ("files/f0001:download?alt=media", FILE),
        (f"{API}/v1beta/files/f0001", FILE),
        (f"{API}/v1beta/files/f0001?alt=json", FILE),
        (f"{API}/v1beta/files/f0001:download", FILE),
        (FILE, FILE),
        (f"{GOOGLE}/v1beta/files/f0001", f"{GOOGLE}/v1beta/files/f0001:download?alt=media"),
        ("https://videos.example/files/f0001", "https://videos.example/files/f0001"),
        (f"{API}/v1beta/files/f0001/x", f"{API}/v1beta/files/f0001/x"),
        ("gs://bucket/files/f0001", "gs://bucket/files/f0001"),
        ("f0001", "f0001"),
    ],
)
def test_the_name_of_a_file_becomes_the_link_to_its_bytes(settings, given, link):
    settings.VIDEO_API_BASE_URL = API

    assert given_link(given) == link
