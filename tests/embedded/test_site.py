"""The site's programs are run, watched and stopped; here with stand-ins that start quickly."""

from __future__ import annotations

import configparser
import shlex
import socket
import subprocess
import sys
import textwrap
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from kombu import Connection, Exchange, Queue

from apps.operations.embedded import EmbeddedUnavailable, Environment, processes, site_programs
from apps.operations.embedded.folders import DataFolder
from apps.operations.embedded.processes import running_site
from apps.operations.embedded.redis_server import broker_url
from apps.operations.embedded.requeue import requeue_unfinished
from apps.operations.embedded.site_programs import Program, supervisor_configuration
from tests.embedded.stage import Client, Stage, all_gone, free_ports, wait_until

pytestmark = pytest.mark.embedded

PORT = free_ports(4)

WEB = """
    import http.server, sys
    class Healthy(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.path.encode())
        def log_message(self, *words):
            pass
    http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Healthy).serve_forever()
"""
WORKER = """
    import sys
    from celery import Celery
    app = Celery("stand-in", broker=sys.argv[1], fixups=[])
    app.worker_main(["worker", "--pool", "solo", "--without-gossip", "--without-mingle"])
"""
# Takes two messages of three, confirms one and dies.
DYING_WORKER = """
    import os, sys
    from kombu import Connection, Exchange, Queue
    work = Queue("work", Exchange("work"), routing_key="work")
    broker = Connection(sys.argv[1])
    producer = broker.Producer()
    for number in (1, 2, 3):
        producer.publish(number, exchange=work.exchange, routing_key="work", declare=[work])
    bound = work(broker.default_channel)
    bound.get().ack()
    bound.get()
    os._exit(0)
"""


def python(source: str, script: Path, *arguments: str) -> list[str]:
    script.write_text(textwrap.dedent(source))
    return [sys.executable, str(script), *arguments]


@pytest.fixture
def served(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Stage, Client]]:
    """A stage whose servers run, as this process' environment, with stand-ins for programs."""
    client = stage.join()
    monkeypatch.setenv("REDIS_URL", client.seen["REDIS_URL"])
    broker = broker_url(client.seen["REDIS_URL"])

    def stand_ins(_name: str, _folder: DataFolder, port: int) -> list[Program]:
        return [
            Program("web", python(WEB, tmp_path / "web.py", str(port)), 5),
            Program("worker", python(WORKER, tmp_path / "worker.py", broker), 5),
        ]

    monkeypatch.setattr(site_programs, "site_programs", stand_ins)
    yield stage, client
    client.leave()


def environment_of(stage: Stage) -> Environment:
    return Environment("embedded", stage.folder)


def test_the_site_runs_in_the_block_and_ends_with_it(served: tuple[Stage, Client]) -> None:
    stage, _ = served
    before = psutil.Process().children(recursive=True)
    with running_site(web_port=PORT, environment=environment_of(stage)) as site:
        assert site.url == f"http://127.0.0.1:{PORT}/"
        assert site.is_ours
        assert site.is_running()
        assert urllib.request.urlopen(site.url + "page").read() == b"/page"
        assert site.restart_counts() == {"web": 0, "worker": 0}
        below = [
            child for child in psutil.Process().children(recursive=True) if child not in before
        ]
        programs = [psutil.Process(pid) for pid in site.program_pids().values()]
        assert all(program in below for program in programs)

    assert all_gone(below)
    assert not site.is_running()


def test_a_program_that_dies_is_started_again(served: tuple[Stage, Client]) -> None:
    stage, _ = served
    with running_site(web_port=PORT, environment=environment_of(stage)) as site:
        (program,) = psutil.Process(site.program_pids()["web"]).children()

        program.kill()

        wait_until(lambda: site.restart_counts()["web"] == 1, "web is started again")
        assert site.restart_counts()["worker"] == 0


def test_a_port_that_is_taken_is_passed_over_and_named(
    served: tuple[Stage, Client], capsys: pytest.CaptureFixture[str]
) -> None:
    stage, _ = served
    with socket.create_server(("127.0.0.1", PORT)):
        with running_site(web_port=PORT, environment=environment_of(stage)) as site:
            assert site.url == f"http://127.0.0.1:{PORT + 1}/"
    assert f"port {PORT} is taken, using {PORT + 1}" in capsys.readouterr().err


def test_a_second_command_uses_the_site_that_runs(served: tuple[Stage, Client]) -> None:
    stage, _ = served
    with running_site(web_port=PORT, environment=environment_of(stage)) as first:
        with running_site(environment=environment_of(stage)) as second:
            assert second.url == first.url
            assert not second.is_ours
            assert second.is_running()
        assert first.is_running()
    assert not second.is_running()


def test_a_site_that_does_not_start_says_why(
    served: tuple[Stage, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, _ = served
    monkeypatch.setattr(processes, "START_PATIENCE_SECONDS", 2)
    before = psutil.Process().children(recursive=True)
    broken = [sys.executable, "-c", "raise SystemExit('the settings are wrong')"]
    monkeypatch.setattr(site_programs, "site_programs", lambda *_: [Program("web", broken, 5)])
    with (
        pytest.raises(EmbeddedUnavailable, match="the settings are wrong"),
        running_site(web_port=PORT, environment=environment_of(stage)),
    ):
        pytest.fail("the block must not be entered")
    assert set(psutil.Process().children(recursive=True)) <= set(before)


def test_a_configuration_that_supervisord_refuses_is_quoted(
    served: tuple[Stage, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, _ = served
    monkeypatch.setattr(processes, "supervisor_configuration", lambda *_: "[supervisord]\nx")
    with (
        pytest.raises(EmbeddedUnavailable, match=r"supervisord did not start: .*supervisord"),
        running_site(web_port=PORT, environment=environment_of(stage)),
    ):
        pytest.fail("the block must not be entered")


def test_the_configuration_survives_odd_folder_names(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "100% o'clock ; day")
    text = supervisor_configuration("embedded", folder, 8000)

    parser = configparser.RawConfigParser(inline_comment_prefixes=(" ;",))
    parser.read_string(text)
    for program in site_programs.site_programs("embedded", folder, 8000):
        section = parser[f"program:{program.name}"]
        command = shlex.split(section["command"].replace("%%", "%"))
        assert command[-len(program.command) :] == program.command
    assert parser["group:site"]["programs"] == "guard,web,worker,beat"
    assert "unix_http_server" not in text
    assert "inet_http_server" not in text


def test_what_a_killed_worker_held_is_queued_again(stage: Stage, tmp_path: Path) -> None:
    client = stage.join()
    address = client.seen["REDIS_URL"]
    work = Queue("work", Exchange("work"), routing_key="work")
    # In a process of its own: a connection that closes in order gives back what it holds.
    dying = python(DYING_WORKER, tmp_path / "dying.py", broker_url(address))
    subprocess.run(dying, check=True)
    assert client.redis().llen("work") == 1

    requeue_unfinished(address)

    with Connection(broker_url(address)) as broker:
        bound = work(broker.default_channel)
        found = []
        while (message := bound.get()) is not None:
            found.append(message.payload)
            message.ack()
    assert sorted(found) == [2, 3]
    client.leave()
