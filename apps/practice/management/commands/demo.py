"""`bin/demo`: the main job, from files to a signed evidence PDF, with real processes."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from apps.close.models import CloseRun
from apps.close.selectors import latest_run_for
from apps.close.states import RunStatus
from apps.compliance.selectors import latest_package
from apps.identity.models import Entity
from apps.ledger.models import Period
from apps.operations.embedded import EmbeddedUnavailable
from apps.operations.embedded.processes import DEFAULT_PORT, Site, running_site
from apps.operations.management.commands.up import bring_database_up_to_date
from apps.practice.fixtures import DEMO_MONTH
from apps.practice.report import print_people, print_result, watching
from apps.practice.selectors import demo_result
from apps.practice.services import DemoStuck, begin_close, load_company, see_through
from apps.reporting.services import export_document


class Command(BaseCommand):
    help = "Close the practice company's April 2023 and show what came of it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--once", action="store_true", help="end when the close is done, do not keep the site"
        )
        parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="port wanted")

    def handle(self, *args: Any, **options: Any) -> None:
        width = None if sys.stdout.isatty() else 120  # tables in a log need no wrapping
        self.console = Console(highlight=False, width=width)
        self.keeps_site = sys.stdout.isatty() and not options["once"]
        began = time.monotonic()
        entity = self._prepare()
        done = _completed_run(entity)
        try:
            if done is None or self.keeps_site:
                with running_site(web_port=options["port"]) as site:
                    run = done or self._close(entity)
                    holds = self._show(entity, run, began, site)
                    if self.keeps_site:
                        self._keep(site)
            else:
                self.console.print("The month was closed before: nothing changed.")
                holds = self._show(entity, done, began, None)
        except KeyboardInterrupt:
            self.console.print("Stopped.")
            return
        except (EmbeddedUnavailable, DemoStuck) as fact:
            raise CommandError(str(fact)) from fact
        if not holds:
            raise CommandError("the close does not agree with what was planted")

    def _prepare(self) -> Entity:
        self.console.print("Preparing the database")
        bring_database_up_to_date()
        loaded = load_company(told=lambda step: self.console.print(f"  {step}"))
        if not loaded.is_new:
            self.console.print(f"{loaded.entity.name} was loaded before: nothing changed.")
        return loaded.entity

    def _close(self, entity: Entity) -> CloseRun:
        run, is_new = begin_close(entity)
        words = "Opening" if is_new else "Going on with"
        self.console.print(f"{words} the close of {DEMO_MONTH}: {run.tasks.count()} tasks")
        with watching(self.console) as told:
            see_through(run, told=told)
        return run

    def _show(self, entity: Entity, run: CloseRun, began: float, site: Site | None) -> bool:
        result = demo_result(entity, run)
        print_result(self.console, result)
        package = latest_package(run.pk)
        if package is not None:
            path = export_document(package, Path(settings.MEDIA_ROOT) / "exports")
            self.console.print(f"\nEvidence PDF: {path}", soft_wrap=True)
        address = site.url if site and self.keeps_site else "bin/finflow up shows it"
        print_people(self.console, address)
        self.console.print(f"\n{time.monotonic() - began:.1f} seconds.")
        return result.holds

    def _keep(self, site: Site) -> None:
        self.console.print(f"\nThe site is up at {site.url} until you press Ctrl-C.")
        while site.is_running():
            time.sleep(0.5)


def _completed_run(entity: Entity) -> CloseRun | None:
    period = Period.objects.get(entity=entity, name=DEMO_MONTH)
    run = latest_run_for(period.pk)
    return run if run is not None and run.status == RunStatus.COMPLETED else None
