"""Signing, and one POST to a checked address."""

from __future__ import annotations

import base64
import hashlib
import hmac
import socket
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.ingestion.connectors import EgressRules
from apps.outbound.posting import check_url, new_secret, post, request, signed_headers
from tests.outbound.conftest import Receiver

HERE = EgressRules(("127.0.0.1",))
LISTED = EgressRules(("hooks.example.com", "10.0.0.0/8", "127.0.0.1"))


def test_the_example_of_the_specification() -> None:
    """Worked out once with openssl, so that it is not our own code that says so."""
    headers = signed_headers(
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=b'{"test": 2432232314}',
        secrets_in_force=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@given(st.binary(max_size=200), st.integers(0, 2**40), st.integers(1, 3))
def test_every_secret_signs_what_is_sent(body: bytes, timestamp: int, count: int) -> None:
    secrets = [new_secret() for _ in range(count)]
    headers = signed_headers(
        message_id="evt_1", timestamp=timestamp, body=body, secrets_in_force=secrets
    )
    plain = b"evt_1." + str(timestamp).encode() + b"." + body
    expected = []
    for secret in secrets:
        key = base64.b64decode(secret[len("whsec_") :])
        assert len(key) == 32
        expected.append("v1," + base64.b64encode(hmac.digest(key, plain, hashlib.sha256)).decode())
    assert headers["webhook-signature"].split(" ") == expected


def test_no_secret_is_made_twice() -> None:
    assert len({new_secret() for _ in range(50)}) == 50


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "such as https"),
        ("hooks.example.com", "such as https"),
        ("ftp://hooks.example.com/", "such as https"),
        ("https://", "such as https"),
        ("https://hooks.example.com/" + "x" * 500, "500 characters"),
        ("http://[::1", "no URL"),
        ("https://user:word@hooks.example.com/", "neither a password"),
        ("https://hooks.example.com/#part", "neither a password"),
        ("https://other.example.com/", "does not connect to that host"),
        ("https://hooks.example.com.evil.example/", "does not connect to that host"),
        ("http://169.254.169.254/latest/meta-data", "does not connect to that host"),
        ("http://[::ffff:127.0.0.1]/", "does not connect to that host"),
        ("http://localhost/", "does not connect to that host"),
    ],
)
def test_a_url_that_may_not_be_told_anything(url: str, words: str) -> None:
    assert words in check_url(url, LISTED)


@pytest.mark.parametrize(
    "url",
    ["https://hooks.example.com/a?b=c", "http://10.1.2.3:8080/x", "HTTPS://Hooks.Example.COM"],
)
def test_a_url_that_may(url: str) -> None:
    assert check_url(url, LISTED) == ""


def test_it_is_sent_as_it_is_and_nothing_of_this_machine_goes_along(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    receiver.body = b"thanks"
    answer = post(receiver.url, body=b'{"a":1}', headers={"webhook-id": "evt_1"}, egress=HERE)
    assert (answer.status_code, answer.error, answer.text) == (200, "", "thanks")
    assert answer.is_taken
    assert 0 <= answer.duration_ms < 10_000
    (got,) = receiver.got
    assert (got.path, got.body) == ("/hook", b'{"a":1}')
    assert got.headers["content-type"] == "application/json"
    assert got.headers["webhook-id"] == "evt_1"
    assert not {"authorization", "cookie"} & set(got.headers)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (301, "redirect"),
        (307, "redirect"),
        (400, "status 400"),
        (404, "status 404"),
        (410, "status 410"),
        (500, "status 500"),
    ],
)
def test_whatever_is_not_taken_says_why(receiver: Receiver, status: int, words: str) -> None:
    receiver.status = status
    receiver.headers = {"Location": receiver.url}
    answer = post(receiver.url, body=b"{}", headers={}, egress=HERE)
    assert (answer.status_code, answer.is_taken) == (status, False)
    assert words in answer.error
    assert answer.is_gone is (status == 410)
    assert len(receiver.got) == 1  # a redirect is not followed


def test_no_more_of_an_answer_is_kept_than_a_kilobyte(receiver: Receiver) -> None:
    receiver.body = b"\0" + "é".encode() * 5_000_000
    begun = time.monotonic()
    answer = post(receiver.url, body=b"{}", headers={}, egress=HERE)
    assert answer.is_taken
    assert 500 < len(answer.text) <= 1024
    assert "\0" not in answer.text
    assert time.monotonic() - begun < 5


def test_an_answer_that_drips_is_cut(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request, "_LONGEST_ANSWER_SECONDS", 0.3)

    def drip(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        for _ in range(30):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.1)

    receiver.answer = drip
    begun = time.monotonic()
    answer = post(receiver.url, body=b"{}", headers={}, egress=HERE)
    assert answer.is_taken
    assert time.monotonic() - begun < 2


def test_a_status_stands_though_the_rest_breaks_off(receiver: Receiver) -> None:
    def break_off(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"x")
        handler.close_connection = True

    receiver.answer = break_off
    answer = post(receiver.url, body=b"{}", headers={}, egress=HERE)
    assert (answer.is_taken, answer.text) == (True, "x")


@pytest.mark.parametrize(
    ("asked", "seconds"), [("120", 120), ("Fri, 1 May 2026 08:00:00 GMT", 0), ("-5", 0), ("", 0)]
)
def test_retry_after_in_seconds_is_told(receiver: Receiver, asked: str, seconds: int) -> None:
    receiver.status, receiver.headers = 429, {"Retry-After": asked}
    answer = post(receiver.url, body=b"{}", headers={}, egress=HERE)
    assert answer.retry_after_seconds == seconds


def test_nobody_there() -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    answer = post(f"http://127.0.0.1:{port}/", body=b"{}", headers={}, egress=HERE)
    assert (answer.status_code, answer.is_taken) == (None, False)
    assert "could not be reached" in answer.error


def test_no_answer_in_time(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx

    monkeypatch.setattr(request, "_TIMEOUT", httpx.Timeout(0.2))
    receiver.before_answer = lambda: time.sleep(1)
    answer = post(receiver.url, body=b"{}", headers={}, egress=HERE)
    assert answer.error == "The other side did not answer in time."


def rules(*addresses: str) -> EgressRules:
    """`hooks.example.com` is listed and stands for these."""
    return EgressRules(("hooks.example.com",), resolve=lambda host: addresses)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1"])
def test_a_listed_name_that_leads_inside_is_not_followed(receiver: Receiver, address: str) -> None:
    port = receiver.server.server_port
    url = f"http://hooks.example.com:{port}/hook"
    for addresses in ([address], ["93.184.216.34", address]):
        answer = post(url, body=b"{}", headers={}, egress=rules(*addresses))
        assert (answer.status_code, answer.is_taken) == (None, False)
        assert "not public" in answer.error
    assert receiver.got == []


def test_the_address_that_was_checked_is_the_one_that_is_called(receiver: Receiver) -> None:
    """A name that answers otherwise a moment later changes nothing: it is asked once."""
    asked: list[str] = []

    def resolve(host: str) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["203.0.113.1"]

    egress = EgressRules(("hooks.example.com", "127.0.0.0/8"), resolve=resolve)
    url = f"http://hooks.example.com:{receiver.server.server_port}/hook"
    assert post(url, body=b"{}", headers={}, egress=egress).is_taken
    assert asked == ["hooks.example.com"]
    assert receiver.got[0].headers["host"] == f"hooks.example.com:{receiver.server.server_port}"


def test_over_the_internet_by_https_alone() -> None:
    answer = post("http://hooks.example.com/", body=b"", headers={}, egress=rules("93.184.216.34"))
    assert "https alone" in answer.error


def test_a_name_that_stands_for_nothing() -> None:
    answer = post("https://hooks.example.com/", body=b"", headers={}, egress=rules())
    assert "stands for no address" in answer.error
