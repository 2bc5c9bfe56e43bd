"""`bin/finflow load_practice`: the practice company, ready to close April 2023."""

from typing import Any

from django.core.management.base import BaseCommand
from rich.console import Console

from apps.practice.report import print_people
from apps.practice.services import load_company


class Command(BaseCommand):
    help = "Load the practice company with two closed months; a second call changes nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        loaded = load_company(told=lambda step: self.stdout.write(f"  {step}"))
        words = "loaded" if loaded.is_new else "was loaded before; nothing changed"
        self.stdout.write(self.style.SUCCESS(f"{loaded.entity.name} {words}."))
        print_people(Console(highlight=False), "bin/finflow up shows it")
