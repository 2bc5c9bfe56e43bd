"""A system that is told things: a real server on this machine, and an endpoint that leads to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from apps.approvals.services import define_policy, request_approval
from apps.outbound.models import Delivery, Endpoint
from apps.outbound.registry import KINDS
from apps.outbound.services import deliver, register_endpoint
from tests.approvals.conftest import HASH, ONE_APPROVER, subject

EVERY_KIND = [kind.name for kind in KINDS]
SUBMITTED = "approvals.request.submitted"


@dataclass(frozen=True)
class Got:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """Answers as a test chooses, and remembers what it was sent."""

    def __init__(self) -> None:
        self.got: list[Got] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body = b""
        self.before_answer: Callable[[], Any] = lambda: None
        self.answer: Callable[[BaseHTTPRequestHandler], None] = self._answer
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.got.append(Got(self.path, headers, body))
                receiver.before_answer()
                receiver.answer(self)

            def log_message(self, *arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # type: ignore[method-assign]  # who hangs up early
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook"

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(self.status)
        for name, value in self.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(self.body)))
        handler.end_headers()
        handler.wfile.write(self.body)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    made.thread.start()
    yield made
    made.server.shutdown()
    made.thread.join(timeout=10)
    made.server.server_close()


@pytest.fixture
def egress(settings: Any) -> None:
    settings.EGRESS_HOSTS = ["127.0.0.1", "hooks.example.com"]


@pytest.fixture
def register(entity: Any, ada: Any, receiver: Receiver, egress: None) -> Callable[..., Endpoint]:
    """`register(kinds=[...])`: Ada registers an endpoint that leads to the receiver."""

    def make(**changes: Any) -> Endpoint:
        facts = {"name": "ERP", "url": receiver.url, "kinds": EVERY_KIND, "actor": ada}
        return register_endpoint(**{"entity_id": entity.pk, **facts, **changes})

    return make


@pytest.fixture
def endpoint(register: Callable[..., Endpoint]) -> Endpoint:
    """An endpoint that wants to know when approval is asked for."""
    return register(kinds=[SUBMITTED])


@pytest.fixture
def policy(entity: Any, connie: Any) -> Any:
    return define_policy(
        entity_id=entity.pk, item_type="reconciliation", stages=ONE_APPROVER, actor=connie
    )


@pytest.fixture
def ask(policy: Any, entity: Any, alice: Any, bob: Any) -> Callable[..., Any]:
    """Alice asks for approval; Bob could give it."""

    def make(number: int = 0, **facts: Any) -> Any:
        wanted = {
            "entity_id": entity.pk,
            "item_type": "reconciliation",
            "subject": subject(number),
            "subject_hash": HASH,
            "title": "Bank, April 2023",
            "url": "/somewhere/",
            "maker": alice,
            "actor": alice,
        }
        return request_approval(**(wanted | facts))

    return make


@pytest.fixture
def delivery(endpoint: Endpoint, ask: Callable[..., Any]) -> Delivery:
    """Something has happened that the endpoint wants to know."""
    ask()
    made: Delivery = Delivery.objects.get()
    return made


def attempt(delivery: Delivery) -> Delivery:
    """Try it, as the task does, and look at it again."""
    deliver(delivery_id=delivery.pk)
    seen: Delivery = Delivery.objects.get(pk=delivery.pk)
    return seen
