"""`bin/finflow build_reference`: write the reference pages that follow from the source."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from apps.operations.reference import built_pages, page_folder


class Command(BaseCommand):
    help = "Write the OpenAPI document and the reference pages that follow from the source."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("build_schema", stdout=self.stdout)  # the page about REST reads it
        for name, text in built_pages().items():
            (page_folder() / name).write_text(text, encoding="utf-8")
            self.stdout.write(str(page_folder() / name))
