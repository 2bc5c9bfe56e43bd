"""The REST doors at a glance, from the built OpenAPI document."""

from __future__ import annotations

from typing import Any

import yaml

from apps.operations.openapi import schema_file
from apps.operations.reference.markdown import code, page, table


def rest_page() -> str:
    """A table for each group of doors."""
    document = yaml.safe_load(schema_file().read_text(encoding="utf-8"))
    by_tag: dict[str, list[list[str]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            by_tag.setdefault(operation["tags"][0], []).append(_row(path, method, operation))
    return page(
        "REST",
        "`/api/docs` on a running site shows every door with its fields and lets you try it;"
        " `/api/schema` is the OpenAPI document, which lies at [openapi.yaml](openapi.yaml)."
        " [Upload a file over REST](../how-to/upload-over-rest.md) walks through signing in and"
        " one request.",
        "- Amounts are text with the currency's decimals. Dates are `YYYY-MM-DD`.\n"
        "- Lists come in pages: follow `next` until it is null; `page_size` goes up to 500.\n"
        "- A list refuses filters that it does not know: ignoring a misspelt one would answer with"
        " more than was asked for.\n"
        "- A POST with an `Idempotency-Key` may be repeated: it gets the first answer.\n"
        "- What you may not see is not there (404). Every refusal is an"
        " [error envelope](errors.md).",
        *(
            f"## {tag}\n\n" + table(["Method", "Path", "Does"], by_tag[tag])
            for tag in sorted(by_tag)
        ),
    )


def _row(path: str, method: str, operation: dict[str, Any]) -> list[str]:
    return [method.upper(), code(path), operation["summary"]]
