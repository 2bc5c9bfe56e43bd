"""Run the whole site, web, worker and beat, until Ctrl-C."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from apps.operations.embedded import EmbeddedUnavailable, joined_environment
from apps.operations.embedded.flocks import FileLock
from apps.operations.embedded.processes import DEFAULT_PORT, Site, running_site
from apps.operations.embedded.progress import tell

LOOK_INTERVAL_SECONDS = 0.5


class Command(BaseCommand):
    """`up`: migrate, start, print the address, wait."""

    help = "Run web, worker and beat until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The port wanted for the web server."""
        parser.add_argument(
            "--port",
            type=int,
            default=DEFAULT_PORT,
            help=f"port wanted, {DEFAULT_PORT} by default; if taken, the next free one is used",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run until interrupted."""
        try:
            bring_database_up_to_date()
            with running_site(web_port=options["port"]) as site:
                self.stdout.write(f"FinFlow is at {site.url}")
                if site.is_ours:
                    self._wait(site)
        except KeyboardInterrupt:
            self.stdout.write("Stopped.")
        except EmbeddedUnavailable as fact:
            raise CommandError(str(fact)) from fact

    def _wait(self, site: Site) -> None:
        self.stdout.write(f"Logs are in {site.folder.logs}. Press Ctrl-C to stop.")
        self.stdout.flush()
        while site.is_running():
            time.sleep(LOOK_INTERVAL_SECONDS)
        raise CommandError(f"the site ended; see {site.folder.logs / 'supervisord.log'}")


def bring_database_up_to_date() -> None:
    """Apply what migrations are missing, one process of this data folder at a time."""
    lock = FileLock(joined_environment().folder.root / "migrate.lock")
    lock.take()
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if missing:
            tell(f"bringing the database up to date ({len(missing)} migrations)")
        call_command("migrate", verbosity=0, interactive=False)
    finally:
        lock.close()
