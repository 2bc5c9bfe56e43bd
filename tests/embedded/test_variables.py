"""What the environment sets, and what it leaves to the user."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from apps.operations.embedded.redis_server import broker_url
from tests.embedded.stage import CLIENT, Client, Stage, outside_variables

pytestmark = pytest.mark.embedded

ELSEWHERE = {
    "DATABASE_URL": "postgres://user:word@db.example.com/ledger",
    "REDIS_URL": "redis://redis.example.com:6379/0",
}


def test_with_both_servers_named_none_is_started(stage: Stage) -> None:
    client = stage.join(**ELSEWHERE)

    assert {key: client.seen[key] for key in ELSEWHERE} == ELSEWHERE
    assert set(ELSEWHERE).isdisjoint(client.seen["set"])
    assert "SECRET_KEY" in client.seen["set"]
    assert not stage.folder.record.exists()
    client.leave()


@pytest.mark.parametrize("named", sorted(ELSEWHERE))
def test_with_one_server_named_the_other_is_ours(stage: Stage, named: str) -> None:
    client = stage.join(**{named: ELSEWHERE[named]})

    assert client.seen[named] == ELSEWHERE[named]
    (other,) = set(ELSEWHERE) - {named}
    assert str(stage.record().sockets) in client.seen[other]
    client.leave()


def test_a_secret_that_the_user_set_is_kept(stage: Stage) -> None:
    client = stage.join(SECRET_KEY="chosen by hand")

    assert client.seen["SECRET_KEY"] == "chosen by hand"
    client.leave()


def test_a_child_process_joins_the_servers_of_its_parent(stage: Stage) -> None:
    """Inherited addresses are not mistaken for servers that the user named."""
    script = (
        "import subprocess, sys; from pathlib import Path;"
        "from apps.operations.embedded import ensure_environment as ensure;"
        "here = ensure(data_dir=Path(sys.argv[1]));"
        "child = subprocess.run([sys.executable, *sys.argv[2:]], stdin=subprocess.DEVNULL);"
        "sys.exit(child.returncode)"
    )
    ended = subprocess.run(
        [
            *(sys.executable, "-c", script, str(stage.folder.root)),
            *(str(CLIENT), str(stage.folder.root), "embedded"),
        ],
        env=outside_variables(),
        capture_output=True,
        text=True,
        check=True,
    )
    seen = json.loads(ended.stdout)

    assert "DATABASE_URL" in seen["set"]
    assert "REDIS_URL" in seen["set"]


def test_a_child_of_another_environment_gets_its_own_servers(stages) -> None:
    work, trial = stages("work"), stages("trial")
    client = work.join()
    inherited = {
        "DATABASE_URL": client.seen["DATABASE_URL"],
        "REDIS_URL": client.seen["REDIS_URL"],
        "FINFLOW_EMBEDDED_VARIABLES": ",".join(client.seen["set"]),
    }

    other = trial.join("test", **inherited)

    assert other.seen["DATABASE_URL"] != client.seen["DATABASE_URL"]
    assert other.seen["REDIS_URL"] != client.seen["REDIS_URL"]
    other.leave()
    client.leave()


def test_the_environment_is_the_same_however_often_it_is_asked_for(stage: Stage) -> None:
    script = (
        "import sys; from pathlib import Path;"
        "from apps.operations.embedded import ensure_environment as ensure;"
        "folder = Path(sys.argv[1]);"
        "assert ensure(data_dir=folder) is ensure(data_dir=folder);"
        "print(repr(ensure(data_dir=folder)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, str(stage.folder.root)],
        env=outside_variables(),
        capture_output=True,
        text=True,
        check=True,
    )
    # A representation may reach a log.
    assert (stage.folder.keys / "secret_key").read_text().strip() not in ended.stdout
    assert (stage.folder.keys / "database_password").read_text().strip() not in ended.stdout


def test_the_keys_stay_the_same(stage: Stage) -> None:
    first = stage.join()
    first.leave()
    second = stage.join()
    assert second.seen["SECRET_KEY"] == first.seen["SECRET_KEY"]
    assert len(second.seen["SECRET_KEY"]) >= 50
    second.leave()


def test_the_key_ring_holds_one_key_of_32_bytes(prepared: Path) -> None:
    number, _, encoded = (prepared / "keys" / "key_ring").read_text().strip().partition(":")
    assert number == "1"
    assert len(base64.b64decode(encoded, validate=True)) == 32


def test_the_evidence_certificate_verifies_what_its_key_signs(prepared: Path) -> None:
    key = serialization.load_pem_private_key(
        (prepared / "keys" / "evidence_key.pem").read_bytes(), password=None
    )
    certificate = x509.load_pem_x509_certificate(
        (prepared / "keys" / "evidence_certificate.pem").read_bytes()
    )
    signature = key.sign(b"figures", padding.PKCS1v15(), hashes.SHA256())

    certificate.public_key().verify(signature, b"figures", padding.PKCS1v15(), hashes.SHA256())
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert usage.content_commitment
    assert not usage.key_cert_sign
    now = datetime.now(UTC)
    assert certificate.not_valid_before_utc < now < certificate.not_valid_after_utc


def test_a_lost_certificate_is_made_again_for_the_same_key(stage: Stage) -> None:
    key = (stage.folder.keys / "evidence_key.pem").read_bytes()
    (stage.folder.keys / "evidence_certificate.pem").unlink()

    stage.join().leave()

    made = x509.load_pem_x509_certificate(
        (stage.folder.keys / "evidence_certificate.pem").read_bytes()
    )
    private = serialization.load_pem_private_key(key, password=None)
    assert made.public_key().public_numbers() == private.public_key().public_numbers()


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("unix:///tmp/x/redis.sock", "redis+socket:///tmp/x/redis.sock"),
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("rediss://host:6380/1", "rediss://host:6380/1"),
    ],
)
def test_the_broker_url_names_the_same_redis(address: str, expected: str) -> None:
    assert broker_url(address) == expected


def test_the_folder_variable_moves_the_data(stage: Stage) -> None:
    script = (
        "from apps.operations.embedded import ensure_environment as ensure;"
        "print(ensure().folder.root)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env=outside_variables(FINFLOW_DATA_DIR=str(stage.folder.root)),
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.strip() == str(stage.folder.root)


def test_no_server_sees_our_secrets(running: tuple[Stage, Client]) -> None:
    if not Path("/proc/self/environ").exists():
        pytest.skip("needs /proc")
    stage, client = running
    for name in ("PostgreSQL", "Redis"):
        process = stage.server(name)
        assert not {"SECRET_KEY", "FINFLOW_KEY_RING"} & set(process.environ())
        assert client.seen["SECRET_KEY"] not in " ".join(process.cmdline())


def test_temporary_folders_with_long_names_are_passed_over(stage: Stage, tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)

    client = stage.join(TMPDIR=str(deep), XDG_RUNTIME_DIR="")

    assert not str(stage.record().sockets).startswith(str(deep))
    assert len(os.fsencode(client.seen["REDIS_URL"])) < 107
    client.leave()
