from __future__ import annotations

import base64
import hmac
import json
import time

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from tests.support.simulator_calls import POLL_SECONDS, SUBMIT, link, submission
from videogen.simulator.options import SimulatorOptions


def wait_until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "It did not happen."
        time.sleep(POLL_SECONDS)


def submit(caller, *uris, **metadata):
    webhook = {"uris": list(uris), "user_metadata": metadata}
    answer = caller.http.post(SUBMIT, json=submission() | {"webhookConfig": webhook})
    assert answer.status_code == 200, answer.text
    return answer.json()["name"]


def counted(caller, name):
    return caller.log()["operations"].get(name, {})


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verified(caller, token):
    """The claims of a JWT; raises InvalidSignature."""
    header, claims, signature = token.split(".")
    keys = {key["kid"]: key for key in caller.http.get("/.well-known/jwks.json").json()["keys"]}
    key = keys[json.loads(decoded(header))["kid"]]
    n, e = (int.from_bytes(decoded(key[name]), "big") for name in ("n", "e"))
    rsa.RSAPublicNumbers(e, n).public_key().verify(
        decoded(signature), f"{header}.{claims}".encode(), padding.PKCS1v15(), SHA256()
    )
    return json.loads(decoded(claims))


@pytest.fixture
def receiver(far_end):
    far_end.answer(204)
    return far_end


def test_the_end_is_told_without_a_poll(caller, receiver):
    uri = f"{receiver.url}/hook?a=b"

    name = submit(caller, uri, token="t-1")
    wait_until(lambda: receiver.requests)

    ((method, path, headers, body),) = receiver.requests
    event = json.loads(body)
    file_id = event["data"]["file_name"].removeprefix("files/")
    assert (method, path, headers["content-type"]) == ("POST", "/hook?a=b", "application/json")
    assert (event["type"], event["version"]) == ("video.generated", "v1")
    assert event["data"]["id"] == name
    assert event["data"]["output_file_uri"] == link(caller.wait(name))
    assert file_id in event["data"]["output_file_uri"]
    assert event["user_metadata"] == {"token": "t-1"}
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    assert "x-goog-api-key" not in headers


def test_the_signature_holds_the_event(caller, receiver):
    submit(caller, f"{receiver.url}/hook", token="t-1")
    wait_until(lambda: receiver.requests)

    ((_, _, headers, body),) = receiver.requests
    claims = verified(caller, headers["webhook-signature"])

    assert claims["aud"] == f"{receiver.url}/hook"
    assert claims["exp"] > time.time()
    assert claims.items() >= json.loads(body).items()


def test_a_forged_event_has_another_signature(caller, receiver):
    caller.script("webhook", "forged")
    submit(caller, f"{receiver.url}/hook")
    wait_until(lambda: receiver.requests)

    with pytest.raises(InvalidSignature):
        verified(caller, receiver.requests[0][2]["webhook-signature"])


def test_every_address_is_told_and_an_event_twice_if_scripted(caller, receiver):
    caller.script("webhook", "twice")

    name = submit(caller, f"{receiver.url}/a", f"{receiver.url}/b")
    wait_until(lambda: counted(caller, name).get("webhooks") == 4)

    assert [path for _, path, _, _ in receiver.requests] == ["/a", "/a", "/b", "/b"]
    ids = [headers["webhook-id"] for _, _, headers, _ in receiver.requests]
    assert ids[0] == ids[1] != ids[2] == ids[3]


def test_what_is_refused_is_told_again(caller, far_end):
    far_end.answer(500)
    far_end.answer(301, Location="/elsewhere")
    far_end.answer(200)

    name = submit(caller, f"{far_end.url}/hook")
    wait_until(lambda: counted(caller, name).get("webhooks") == 1)

    assert counted(caller, name)["webhooks_refused"] == 2
    assert len({headers["webhook-id"] for _, _, headers, _ in far_end.requests}) == 1
    assert {path for _, path, _, _ in far_end.requests} == {"/hook"}


def test_nobody_there_harms_nothing(caller):
    name = submit(caller, "http://127.0.0.1:9/hook")

    wait_until(lambda: counted(caller, name).get("webhooks_refused") == 4)

    assert caller.wait(name)["done"] is True


@pytest.mark.parametrize("fault", ["error", "blocked", "nothing"])
def test_an_end_without_a_video_is_not_told(caller, receiver, fault):
    caller.script("done", fault)
    silent = submit(caller, f"{receiver.url}/silent")
    caller.wait(silent)

    submit(caller, f"{receiver.url}/told")
    wait_until(lambda: receiver.requests)

    assert [path for _, path, _, _ in receiver.requests] == ["/told"]


def test_an_event_can_be_lost(caller, receiver):
    caller.script("webhook", "lost")
    caller.wait(submit(caller, f"{receiver.url}/lost"))

    submit(caller, f"{receiver.url}/told")
    wait_until(lambda: receiver.requests)

    assert [path for _, path, _, _ in receiver.requests] == ["/told"]


def test_an_event_can_be_late(caller, receiver):
    caller.script("webhook", "slow", params={"seconds": 0.3})
    started = time.monotonic()

    submit(caller, f"{receiver.url}/hook")
    wait_until(lambda: receiver.requests)

    assert time.monotonic() - started >= 0.3


def test_a_restarted_simulator_tells_what_ends_later(start, receiver):
    first = start(latency=0.5)
    name = submit(first, f"{receiver.url}/hook", token="t-1")
    first.simulator.stop()

    second = start(latency=0.5)
    wait_until(lambda: receiver.requests)

    assert json.loads(receiver.requests[0][3])["data"]["id"] == name
    assert second.poll(name).json()["done"] is True


def test_without_an_address_nobody_is_told(caller, receiver):
    body = submission() | {"webhookConfig": {"user_metadata": {"token": "t-1"}}}
    caller.wait(caller.http.post(SUBMIT, json=body).json()["name"])

    assert receiver.requests == []


# -- the project's own webhook ---------------------------------------------------------------------

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()


def is_signed(headers, body):
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = base64.b64encode(hmac.digest(b"k" * 32, content, "sha256")).decode()
    return headers["webhook-signature"] == f"v1,{wanted}"


@pytest.fixture
def registered(start, receiver):
    return start(webhook_uri=f"{receiver.url}/all", webhook_secret=SECRET)


@pytest.mark.parametrize("fault", ["", "forged"])
def test_the_projects_webhook_is_told_under_its_secret(registered, receiver, fault):
    if fault:
        registered.script("webhook", fault)
    name = registered.http.post(SUBMIT, json=submission()).json()["name"]

    wait_until(lambda: receiver.requests)

    ((_, path, headers, body),) = receiver.requests
    assert (path, json.loads(body)["data"]["id"]) == ("/all", name)
    assert json.loads(body)["user_metadata"] == {}
    assert is_signed(headers, body) is not bool(fault)


def test_an_address_of_its_own_is_told_instead(registered, receiver):
    submit(registered, f"{receiver.url}/own")
    submit(registered, token="t-1")

    wait_until(lambda: len(receiver.requests) == 2)

    paths = {path: json.loads(body)["user_metadata"] for _, path, _, body in receiver.requests}
    assert paths == {"/own": {}, "/all": {"token": "t-1"}}


@pytest.mark.parametrize("secret", ["", "whsec_!"])
def test_a_webhook_without_a_secret_is_refused(secret):
    with pytest.raises(ValueError):
        SimulatorOptions(webhook_uri="http://127.0.0.1:9/all", webhook_secret=secret)
