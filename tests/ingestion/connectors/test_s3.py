"""Files of S3, from a server that speaks it over TLS on this machine."""

from __future__ import annotations

import ipaddress
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from apps.ingestion.connectors.drop import Drop
from apps.ingestion.connectors.errors import (
    AccessRefused,
    AnswerTooLarge,
    NothingThere,
    PullFailed,
    Unreachable,
)
from tests.ingestion.connectors.conftest import APRIL

DROP = Drop()
CONTENT = b"id,amount\n1,2.00\n" * 1000
KEYS = {"key": "ours", "secret": "ours too"}
URL = "s3://finance/{period}/sales.csv"


@dataclass(frozen=True)
class Storage:
    """A server with a bucket `finance`; `put` stores a file in it."""

    endpoint: str
    put: Callable[[str, bytes], None]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Its address, and the certificate to trust."""
    certificate, key = _certificate(tmp_path_factory.mktemp("tls"))
    application = DomainDispatcherApplication(create_backend_app)
    running = make_server(
        "127.0.0.1", 0, application, threaded=True, ssl_context=(str(certificate), str(key))
    )
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield f"https://127.0.0.1:{running.port}", certificate
    running.shutdown()
    thread.join()


@pytest.fixture
def storage(server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> Storage:
    endpoint, certificate = server
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id="ours",
        aws_secret_access_key="ours too",
        region_name="us-east-1",
    )
    client.create_bucket(Bucket="finance")

    def put(name: str, content: bytes) -> None:
        client.put_object(Bucket="finance", Key=name, Body=content)

    return Storage(endpoint, put)


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "storage")])
    now = datetime.now(UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


def pull(storage: Storage, site: Any, credentials: Any = None, **changes: Any) -> Any:
    settings = {"url": URL, "endpoint": storage.endpoint, **changes}
    given = KEYS if credentials is None else credentials
    DROP.check(settings, given, site)
    return DROP.pull(settings, given, APRIL, site)


def test_the_file_of_the_period_is_read(storage: Storage, site: Any) -> None:
    storage.put("2023-04/sales.csv", CONTENT)
    pulled = pull(storage, site("127.0.0.1"))
    assert (pulled.content, pulled.filename) == (CONTENT, "sales.csv")
    assert pulled.query_text == "s3://finance/2023-04/sales.csv"
    storage.put("2023-04/sales.csv", b"id,amount\n")  # it changes under its name
    assert pull(storage, site("127.0.0.1")).content == b"id,amount\n"


@pytest.mark.parametrize(
    ("changes", "limit", "refusal", "is_passing"),
    [
        ({"url": "s3://finance/{period}/none.csv"}, 10**6, NothingThere, False),
        ({"url": "s3://nobody/{period}/sales.csv"}, 10**6, NothingThere, False),
        ({}, 100, AnswerTooLarge, False),
        ({"endpoint": "https://127.0.0.1:1"}, 10**6, Unreachable, True),
    ],
    ids=["no such file", "no such bucket", "too large", "nobody there"],
)
def test_what_cannot_be_read_is_told(
    changes: dict[str, str],
    limit: int,
    refusal: type[PullFailed],
    is_passing: bool,
    storage: Storage,
    site: Any,
) -> None:
    storage.put("2023-04/sales.csv", CONTENT)
    with pytest.raises(refusal) as caught:
        pull(storage, site("127.0.0.1", max_bytes=limit), **changes)
    assert caught.value.is_passing is is_passing


def test_a_server_that_nobody_vouches_for_is_not_asked(
    storage: Storage, site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.put("2023-04/sales.csv", CONTENT)
    monkeypatch.delenv("AWS_CA_BUNDLE")
    with pytest.raises(Unreachable):
        pull(storage, site("127.0.0.1"))


def test_without_credentials_nothing_is_read_with_those_of_this_machine(
    storage: Storage, site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.put("2023-04/sales.csv", CONTENT)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "the machine's")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the machine's too")
    asked: list[str | None] = []
    original = DomainDispatcherApplication.__call__

    def listen(self: Any, environ: Any, start_response: Any) -> Any:
        asked.append(environ.get("HTTP_AUTHORIZATION"))
        return original(self, environ, start_response)

    monkeypatch.setattr(DomainDispatcherApplication, "__call__", listen)
    with pytest.raises(AccessRefused):
        pull(storage, site("127.0.0.1"), credentials={})
    assert set(asked) == {None}
