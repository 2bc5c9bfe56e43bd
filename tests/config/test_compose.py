"""The files of a deployment agree with each other and with the settings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from apps.operations.reference.settings_page import settings_read
from tests.config.test_settings_table import MISSING

ROOT = Path(settings.BASE_DIR)
PROCESSES = ("migrate", "web", "worker", "beat")
VARIABLE = re.compile(r"\$\{(\w+)(?:(:[?-])([^}]*))?\}")


@pytest.fixture(scope="module")
def text() -> str:
    return (ROOT / "docker-compose.yml").read_text("utf-8")


@pytest.fixture(scope="module")
def services(text: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(text)["services"]
    return read


@pytest.fixture(scope="module")
def dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text("utf-8")


def test_the_processes_and_their_servers_are_there(services: dict[str, Any]) -> None:
    assert set(services) == {*PROCESSES, "postgres", "redis"}


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_gets_every_setting_that_it_needs(services: dict[str, Any], name: str) -> None:
    given = set(services[name]["environment"])

    assert set(MISSING) <= given
    assert given <= {one.name for one in settings_read()}


@pytest.mark.parametrize("name", PROCESSES)
def test_key_files_come_as_secrets_and_not_in_the_image(
    services: dict[str, Any], text: str, name: str
) -> None:
    declared = yaml.safe_load(text)["secrets"]
    files = [value for key, value in services[name]["environment"].items() if key.endswith("_FILE")]

    assert {Path(path).name for path in files} == set(services[name]["secrets"]) == set(declared)
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert {"secrets", ".env", "var"} <= set(ignored)
    assert all(given["file"].startswith("./secrets/") for given in declared.values())


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_can_do_no_more_than_it_must(services: dict[str, Any], name: str) -> None:
    assert services[name]["read_only"]
    assert services[name]["cap_drop"] == ["ALL"]
    assert services[name]["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", ["web", "worker", "postgres", "redis"])
def test_who_can_answer_is_asked_for_his_health(services: dict[str, Any], name: str) -> None:
    assert services[name]["healthcheck"]["test"]


def test_the_health_check_of_the_web_is_python(services: dict[str, Any]) -> None:
    kind, program, flag, code = services["web"]["healthcheck"]["test"]

    assert (kind, program, flag) == ("CMD", "python", "-c")
    compile(code, "healthcheck", "exec")


@pytest.mark.parametrize("name", ["web", "worker", "beat"])
def test_nothing_starts_before_the_tables_are_there(services: dict[str, Any], name: str) -> None:
    assert services[name]["depends_on"]["migrate"] == {
        "condition": "service_completed_successfully"
    }


def test_only_the_web_is_reached_and_only_from_this_machine(services: dict[str, Any]) -> None:
    published = {name: each["ports"] for name, each in services.items() if "ports" in each}

    assert published == {"web": ["127.0.0.1:${PORT:-8000}:8000"]}
    assert services["postgres"]["networks"] == services["redis"]["networks"] == ["inside"]


def test_images_are_named_with_a_version(services: dict[str, Any], dockerfile: str) -> None:
    images = [services[name]["image"] for name in ("postgres", "redis")]
    images += re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)

    assert all(re.search(r":\d", image) for image in images)


def test_the_image_runs_as_a_user_and_holds_no_secret(dockerfile: str) -> None:
    instructions = re.findall(r"^([A-Z]+) ", dockerfile, re.MULTILINE)

    assert "ARG" not in instructions
    assert re.search(r"^USER 10001:10001$", dockerfile, re.MULTILINE)
    assert instructions.index("USER") < instructions.index("CMD")
    assert not [name for name in MISSING if f"{name}=" in dockerfile]


def test_the_example_names_what_compose_asks_for_and_nothing_else(text: str) -> None:
    example = dict(
        re.findall(r"^(\w+)=(.*)$", (ROOT / ".env.example").read_text("utf-8"), re.MULTILINE)
    )

    assert set(example) == {name for name, _kind, _words in VARIABLE.findall(text)}


def test_compose_refuses_to_start_without_a_secret(text: str) -> None:
    asked = {name for name, kind, _words in VARIABLE.findall(text) if kind == ":?"}

    assert asked == {"POSTGRES_PASSWORD", "SECRET_KEY", "FINFLOW_KEY_RING", "ALLOWED_HOSTS"}


def test_the_example_holds_no_secret() -> None:
    example = (ROOT / ".env.example").read_text("utf-8")

    for name in ("SECRET_KEY", "FINFLOW_KEY_RING", "POSTGRES_PASSWORD", "METRICS_TOKEN"):
        assert re.search(rf"^{name}=$", example, re.MULTILINE)
