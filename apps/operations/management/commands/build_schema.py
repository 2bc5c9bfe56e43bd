"""`bin/finflow build_schema`: write the OpenAPI document that the site serves."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.operations.openapi import SchemaFaulty, generated_schema, schema_file


class Command(BaseCommand):
    help = "Write docs/reference/openapi.yaml from the REST doors."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            text = generated_schema()
        except SchemaFaulty as fault:
            raise CommandError(f"the REST doors are not fully described:\n{fault}") from fault
        schema_file().write_text(text, encoding="utf-8")
        self.stdout.write(f"{schema_file()}: {text.count('operationId:')} operations.")
