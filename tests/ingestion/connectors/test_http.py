"""HTTP sources, against a real server on this machine."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from apps.ingestion.connectors import ConnectorInvalid, EgressRules, PullFailed
from apps.ingestion.connectors import http as module
from apps.ingestion.connectors.errors import (
    AccessRefused,
    AnswerMalformed,
    AnswerRefused,
    AnswerTooLarge,
    EgressRefused,
    TookTooLong,
    Unreachable,
)
from apps.ingestion.connectors.exact_json import Number, parsed
from apps.ingestion.connectors.http import Http
from tests.ingestion.connectors.conftest import APRIL

HTTP = Http()
Answer = Callable[[BaseHTTPRequestHandler], None]


class Service:
    """A server whose answer a test chooses; it remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.answer: Answer = says(200, {"rows": []})
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                service.asked.append((self.path, headers))
                service.answer(self)

            def log_message(self, *arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def says(status: int, body: Any = b"", **headers: str) -> Answer:
    """An answer in whole."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def in_turn(*answers: Answer) -> Answer:
    """One answer after the other; the last one stays."""
    left = list(answers)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(handler)

    return answer


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    made.thread.start()
    yield made
    made.server.shutdown()
    made.thread.join(timeout=10)
    made.server.server_close()


@pytest.fixture
def fetch(service: Service, site: Any) -> Callable[..., Any]:
    """`fetch("/rows", records="rows")`: April, from the server."""

    def make(path: str = "/rows", *, at: Any = None, **settings: Any) -> Any:
        credentials = settings.pop("credentials", {})
        settings = {"url": service.url + path, "has_records": True, **settings}
        here = at or site("127.0.0.1")
        HTTP.check(settings, credentials, here)
        return HTTP.pull(settings, credentials, APRIL, here)

    return make


def query(handler: BaseHTTPRequestHandler) -> dict[str, str]:
    return {name: one[0] for name, one in parse_qs(urlsplit(handler.path).query).items()}


class TestAnswers:
    def test_records_come_as_they_were_written(self, service: Service, fetch: Any) -> None:
        service.answer = says(200, b'{"data": {"rows": [{"id": "A-1", "amount": 1.10}]}}')
        pulled = fetch(
            "/rows",
            records="data.rows",
            parameters={"from": "{period_start}", "to": "{period_end}", "size": 50},
            headers={"Accept": "application/json"},
        )
        assert pulled.content == b'[\n{"id":"A-1","amount":1.10}\n]\n'
        assert pulled.filename == "rows.json"
        ((path, headers),) = service.asked
        assert path == "/rows?from=2023-04-01&to=2023-04-30&size=50"
        assert (headers["accept"], headers["host"]) == (
            "application/json",
            f"127.0.0.1:{service.port}",
        )
        assert pulled.query_text == f"GET {service.url}{path}"
        assert len(pulled.parameters["pages"]) == 1
        assert pulled.is_of_window

    def test_a_file_stays_as_it_is(self, service: Service, fetch: Any) -> None:
        service.answer = says(200, b"id;amount\nA-1;1,10\n")
        pulled = fetch("/files/{period}.csv", has_records=False)
        assert (pulled.content, pulled.filename) == (b"id;amount\nA-1;1,10\n", "2023-04.csv")
        assert not pulled.is_of_window

    @pytest.mark.parametrize(
        ("auth", "credentials", "name", "value"),
        [
            ({"kind": "bearer"}, {"token": "t-1"}, "authorization", "Bearer t-1"),
            (
                {"kind": "basic", "username": "us"},
                {"password": "pä".encode("ascii", "ignore").decode() + "w"},
                "authorization",
                "Basic dXM6cHc=",
            ),
            ({"kind": "header", "name": "X-Api-Key"}, {"value": "k-1"}, "x-api-key", "k-1"),
        ],
    )
    def test_credentials_are_shown(
        self, auth: Any, credentials: Any, name: str, value: str, service: Service, fetch: Any
    ) -> None:
        service.answer = says(200, [])
        pulled = fetch(auth=auth, credentials=credentials)
        assert service.asked[0][1][name] == value
        assert all(secret not in str(pulled) for secret in credentials.values())

    @pytest.mark.parametrize(
        ("status", "refusal", "tries"),
        [
            (401, AccessRefused, 1),
            (403, AccessRefused, 1),
            (404, AnswerRefused, 1),
            (204, AnswerRefused, 1),
            (206, AnswerRefused, 1),
            (429, Unreachable, 4),
            (500, Unreachable, 4),
            (503, Unreachable, 4),
        ],
    )
    def test_statuses(
        self, status: int, refusal: type[PullFailed], tries: int, service: Service, fetch: Any
    ) -> None:
        service.answer = says(status)
        with pytest.raises(refusal):
            fetch()
        assert len(service.asked) == tries

    def test_it_is_asked_again_after_waits_that_grow(self, service: Service, site: Any) -> None:
        waits: list[float] = []
        service.answer = in_turn(says(500), says(503), says(429), says(200, [{"id": "1"}]))
        settings = {"url": service.url + "/rows", "has_records": True}
        here = site("127.0.0.1", sleep=waits.append)
        assert HTTP.pull(settings, {}, APRIL, here).content == b'[\n{"id":"1"}\n]\n'
        assert len(waits) == 3
        for wait, most in zip(waits, (0.5, 1, 2), strict=True):
            assert 0 <= wait <= most

    @pytest.mark.parametrize(
        "body", [b"<html>", b'{"rows": {}}', b"[1]", b'[{"a": NaN}]', b"\xff", b"[" * 100_000]
    )
    def test_answers_that_are_no_records(self, body: bytes, service: Service, fetch: Any) -> None:
        service.answer = says(200, body)
        with pytest.raises(AnswerMalformed):
            fetch()

    def test_a_path_through_no_object(self, service: Service, fetch: Any) -> None:
        service.answer = says(200, {"data": []})
        for path in ("data.rows", "nothing"):
            with pytest.raises(AnswerMalformed):
                fetch(records=path)

    def test_no_more_bytes_than_are_taken(self, service: Service, fetch: Any, site: Any) -> None:
        service.answer = says(200, [{"id": "x" * 100}])
        with pytest.raises(AnswerTooLarge, match="100 bytes"):
            fetch(at=site("127.0.0.1", max_bytes=100))

    def test_a_bomb_is_not_unpacked(self, service: Service, fetch: Any) -> None:
        import gzip

        packed = gzip.compress(b" " * 50_000_000)
        assert len(packed) < 100_000
        service.answer = says(200, packed, Content_Encoding="gzip")
        with pytest.raises(AnswerTooLarge):
            fetch()


class TestLine:
    """What may happen on the way."""

    def test_an_answer_that_breaks_off_is_asked_for_again(
        self, service: Service, fetch: Any
    ) -> None:
        def break_off(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.send_header("Content-Length", "1000")
            handler.end_headers()
            handler.wfile.write(b'[{"id": "A-1"}]')
            handler.close_connection = True

        service.answer = break_off
        with pytest.raises(Unreachable):
            fetch()
        assert len(service.asked) == 4
        service.answer = in_turn(break_off, says(200, [{"id": "A-1"}]))
        assert fetch().content == b'[\n{"id":"A-1"}\n]\n'

    def test_a_slow_answer(self, service: Service, fetch: Any) -> None:
        service.answer = lambda handler: time.sleep(3)
        with pytest.raises(TookTooLong) as caught:
            fetch(timeout_seconds=1)
        assert caught.value.is_passing

    def test_an_answer_that_drips(self, service: Service, fetch: Any) -> None:
        def drip(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.send_header("Content-Length", "1000")
            handler.end_headers()
            for _ in range(40):
                handler.wfile.write(b" ")
                handler.wfile.flush()
                time.sleep(0.1)

        service.answer = drip
        begun = time.monotonic()
        with pytest.raises(TookTooLong):
            fetch(timeout_seconds=1)
        assert time.monotonic() - begun < 3

    def test_nobody_listens(self, fetch: Any) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{unused.getsockname()[1]}/rows"
        with pytest.raises(Unreachable):
            fetch(url=url)

    def test_no_proxy_of_this_machine_is_used(
        self, service: Service, fetch: Any, monkeypatch: Any
    ) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
        service.answer = says(200, [])
        assert fetch().content == b"[]\n"


class TestEgress:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    @pytest.mark.parametrize("place", ["http://169.254.169.254/latest/meta-data/", "/rows?again"])
    def test_redirects_are_not_followed(
        self, status: int, place: str, service: Service, fetch: Any
    ) -> None:
        service.answer = says(status, Location=place)
        with pytest.raises(AnswerRefused, match="redirect"):
            fetch()
        assert len(service.asked) == 1

    def test_a_listed_name_that_stands_for_an_address_inside(
        self, service: Service, fetch: Any, site: Any
    ) -> None:
        inside = EgressRules(("api.example.com",), resolve=lambda host: ["169.254.169.254"])
        with pytest.raises(EgressRefused):
            fetch(url="http://api.example.com/rows", at=site(egress=inside))

    def test_a_name_that_answers_otherwise_later_is_checked_each_time(
        self, service: Service, fetch: Any, site: Any
    ) -> None:
        answers = [["127.0.0.1"], ["127.0.0.1"], ["169.254.169.254"]]
        rules = EgressRules(("api.example.com", "127.0.0.1"), resolve=lambda host: answers.pop(0))
        service.answer = lambda handler: says(200, [{"id": query(handler)["page"]}])(handler)
        with pytest.raises(EgressRefused):
            fetch(
                url=f"http://api.example.com:{service.port}/rows",
                paging={"kind": "page", "parameter": "page"},
                at=site(egress=rules),
            )
        assert [headers["host"] for _, headers in service.asked] == [
            f"api.example.com:{service.port}"
        ] * 2

    def test_over_the_internet_only_https(self, fetch: Any, site: Any) -> None:
        rules = EgressRules(("api.example.com",), resolve=lambda host: ["93.184.216.34"])
        with pytest.raises(EgressRefused, match="https"):
            fetch(url="http://api.example.com/rows", at=site(egress=rules))


class TestPaging:
    def test_by_number_until_a_page_is_empty(self, service: Service, fetch: Any) -> None:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            number = int(query(handler)["page"])
            says(200, [{"id": number}] if number < 3 else [])(handler)

        service.answer = answer
        pulled = fetch(
            parameters={"size": 1}, paging={"kind": "page", "parameter": "page", "first_page": 0}
        )
        assert [row["id"] for row in parsed(pulled.content.decode())] == ["0", "1", "2"]
        assert len(pulled.parameters["pages"]) == 4
        assert service.asked[0][0] == "/rows?size=1&page=0"

    def test_by_cursor(self, service: Service, fetch: Any) -> None:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            word = query(handler).get("after", "")
            following = {"": "b c", "b c": 7, "7": None}[word]
            body = {"rows": [{"id": word or "a"}], "meta": {"next": following}}
            says(200, body)(handler)

        service.answer = answer
        paging = {"kind": "cursor", "path": "meta.next", "parameter": "after"}
        pulled = fetch(records="rows", paging=paging)
        assert [row["id"] for row in parsed(pulled.content.decode())] == ["a", "b c", "7"]

    @pytest.mark.parametrize("is_header", [True, False])
    def test_by_link(self, is_header: bool, service: Service, fetch: Any) -> None:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            number = int(query(handler).get("n", "0"))
            link = f"/rows?n={number + 1}" if number < 2 else ""
            headers = {"Link": f'<{link}>; rel="next"'} if is_header and link else {}
            body = {"rows": [{"id": number}], "links": {} if is_header else {"next": link}}
            says(200, body, **headers)(handler)

        service.answer = answer
        paging = {"kind": "next_link", **({} if is_header else {"path": "links.next"})}
        pulled = fetch(records="rows", paging=paging)
        assert [row["id"] for row in parsed(pulled.content.decode())] == ["0", "1", "2"]

    @pytest.mark.parametrize(
        ("link", "refusal"),
        [
            ("http://169.254.169.254/rows", AnswerRefused),
            ("//other.example.com/rows", AnswerRefused),
            ("https://127.0.0.1/rows", AnswerRefused),
            ("http://a:b", AnswerMalformed),
            (5, AnswerMalformed),
            ("/rows", AnswerMalformed),  # round and round
        ],
    )
    def test_links_that_lead_nowhere_good(
        self, link: Any, refusal: type[PullFailed], service: Service, fetch: Any
    ) -> None:
        service.answer = says(200, {"rows": [{"id": 1}], "next": link})
        with pytest.raises(refusal):
            fetch(records="rows", paging={"kind": "next_link", "path": "next"})
        assert len(service.asked) == 1

    def test_more_pages_than_the_limit(self, service: Service, fetch: Any) -> None:
        service.answer = says(200, [{"id": 1}])
        with pytest.raises(AnswerTooLarge, match="more than 3 pages"):
            fetch(paging={"kind": "page", "parameter": "page"}, page_limit=3)

    def test_the_limit_of_bytes_is_of_all_pages(
        self, service: Service, fetch: Any, site: Any
    ) -> None:
        service.answer = says(200, [{"id": "x" * 80}])
        with pytest.raises(AnswerTooLarge):
            fetch(paging={"kind": "page", "parameter": "page"}, at=site("127.0.0.1", max_bytes=300))
        assert 2 <= len(service.asked) <= 4

    def test_a_page_that_stays_away_leaves_nothing(self, service: Service, fetch: Any) -> None:
        service.answer = in_turn(says(200, [{"id": 1}]), says(500))
        with pytest.raises(Unreachable):
            fetch(paging={"kind": "page", "parameter": "page"})


INVALID: list[tuple[dict[str, Any], dict[str, str], str]] = [
    ({"url": ""}, {}, "url"),
    ({"url": "http://["}, {}, "url"),
    ({"url": "http://a:b"}, {}, "url"),
    ({"url": "file:///etc/passwd"}, {}, "url"),
    ({"url": "https://other.example.com/"}, {}, "url"),
    ({"url": "https://169.254.169.254/"}, {}, "url"),
    ({"url": "https://{period}.example.com/"}, {}, "url"),
    ({"url": "https://u:word@api.example.com/"}, {}, "url"),
    ({"parameters": {"a": None}}, {}, "parameters.a"),
    ({"headers": {"Host": "x"}}, {}, "headers.Host"),
    ({"headers": {"Authorization": "x"}}, {}, "headers.Authorization"),
    ({"headers": {"a b": "x"}}, {}, "headers.a b"),
    ({"headers": {"A": "x\r\nB: y"}}, {}, "headers.A"),
    ({"auth": {"kind": "digest"}}, {}, "auth.kind"),
    ({"auth": {"kind": "basic"}}, {"password": "x"}, "auth.username"),
    ({"auth": {"kind": "header", "name": "Cookie"}}, {"value": "x"}, "auth.name"),
    ({"auth": {"kind": "bearer"}}, {}, "credentials.token"),
    ({"auth": {"kind": "bearer"}}, {"token": "a\r\nb"}, "credentials.token"),
    ({"auth": {"kind": "bearer", "username": "x"}}, {"token": "a"}, "auth.username"),
    ({}, {"token": "x"}, "credentials.token"),
    ({"paging": {"kind": "offset"}}, {}, "paging.kind"),
    ({"paging": {"kind": "cursor", "path": "x"}}, {}, "paging.parameter"),
    ({"paging": {"kind": "page", "parameter": "p", "first_page": 2}}, {}, "paging.first_page"),
    ({"paging": "page"}, {}, "paging"),
    ({"has_records": False, "records": "rows"}, {}, "has_records"),
    ({"has_records": False, "paging": {"kind": "next_link"}}, {}, "has_records"),
    ({"has_records": "yes"}, {}, "has_records"),
    ({"page_limit": 0}, {}, "page_limit"),
    ({"verify": False}, {}, "verify"),
]


@pytest.mark.parametrize(("changes", "credentials", "path"), INVALID)
def test_settings_that_cannot_work_name_their_path(
    changes: dict[str, Any], credentials: dict[str, str], path: str, site: Any
) -> None:
    good = {"url": "https://api.example.com/rows", "has_records": True}
    HTTP.check(good, {}, site("api.example.com"))
    with pytest.raises(ConnectorInvalid) as caught:
        HTTP.check({**good, **changes}, credentials, site("api.example.com"))
    assert caught.value.path == path


def test_the_place_of_credentials_is_the_host() -> None:
    here = HTTP.destination({"url": "https://api.example.com/rows"})
    assert here == HTTP.destination({"url": "https://api.example.com/other?x=1"})
    assert here != HTTP.destination({"url": "https://api.example.com:444/rows"})
    assert here != HTTP.destination({"url": "http://api.example.com/rows"})
    assert HTTP.destination({"url": "http://a:b"}) == ""


class TestCertificates:
    """The address is connected to, the name is verified."""

    @pytest.fixture
    def secure(self, service: Service, tmp_path: Path) -> tuple[Path, list[str | None]]:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "api.example.com")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(7)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName("api.example.com")]), critical=False
            )
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        file = tmp_path / "server.pem"
        file.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        names: list[str | None] = []
        context.sni_callback = lambda sock, name, context: names.append(name)
        service.server.socket = context.wrap_socket(service.server.socket, server_side=True)
        service.answer = says(200, [{"id": 1}])
        return file, names

    def get(self, service: Service, site: Any, name: str) -> Any:
        rules = EgressRules((name, "127.0.0.1"), resolve=lambda host: ["127.0.0.1"])
        settings = {"url": f"https://{name}:{service.port}/rows", "has_records": True}
        return HTTP.pull(settings, {}, APRIL, site(egress=rules))

    def test_a_certificate_of_nobody_known_is_refused(
        self, service: Service, secure: Any, site: Any
    ) -> None:
        with pytest.raises(Unreachable):
            self.get(service, site, "api.example.com")
        assert service.asked == []

    @pytest.mark.parametrize(
        ("name", "is_verified"), [("api.example.com", True), ("bad.example.com", False)]
    )
    def test_it_has_to_be_of_the_name(
        self,
        name: str,
        is_verified: bool,
        service: Service,
        secure: Any,
        site: Any,
        monkeypatch: Any,
    ) -> None:
        file, names = secure
        trusting = ssl.create_default_context(cafile=str(file))
        monkeypatch.setattr(module.httpx, "Client", partial(httpx.Client, verify=trusting))
        if is_verified:
            pulled = self.get(service, site, name)
            assert parsed(pulled.content.decode()) == [{"id": Number("1")}]
        else:
            with pytest.raises(Unreachable):
                self.get(service, site, name)
        assert set(names) == {name}
