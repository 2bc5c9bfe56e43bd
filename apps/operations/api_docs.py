"""GET /api/schema and /api/docs: the REST doors described, for people and for machines.

Both are open to everybody: whoever writes a client needs them before he has a token, and they
say nothing that the source does not.
"""

from __future__ import annotations

from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import condition, require_safe

from apps.operations.openapi import schema_file

OPENAPI_TYPE = "application/vnd.oai.openapi"


def _etag(request: HttpRequest) -> str:
    """Changes with the file; reading it on each request would cost more than it saves."""
    found = schema_file().stat()
    return f'"{found.st_mtime_ns:x}-{found.st_size:x}"'


@require_safe
@condition(etag_func=_etag)
def api_schema(request: HttpRequest) -> FileResponse:
    """The OpenAPI document that `bin/finflow build_schema` made."""
    return FileResponse(schema_file().open("rb"), content_type=OPENAPI_TYPE)


@require_safe
def api_docs(request: HttpRequest) -> HttpResponse:
    """The document as pages to read and try."""
    return render(request, "operations/api_docs.html")
