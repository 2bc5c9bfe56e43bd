"""Renders the gallery (templates/gallery) with made-up content, and serves it under the strict CSP.

`python -m tests.ui.gallery` serves it on a free port of the loopback for looking at.
"""

from __future__ import annotations

import mimetypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.contrib.staticfiles import finders
from django.template.loader import render_to_string

from apps.common.errors import NotPermitted
from tests.ui.gallery_content import CONTEXTS, SignIn, frame

STRICT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
ERROR_PAGES = ("400", "403", "403_csrf", "404", "429", "500", "refusal")
PAGES = (*CONTEXTS, "login", *ERROR_PAGES)


def render(page: str) -> str:
    """The HTML of one of PAGES."""
    if page in ERROR_PAGES:
        refusal = NotPermitted("You prepared this entry.") if page == "refusal" else None
        return render_to_string(f"{page}.html", {"request_id": "0b5e7f0c", "refusal": refusal})
    if page == "login":
        return render_to_string(
            "account/login.html", {"form": SignIn({"login": "bob"}), "csrf_token": "a-token"}
        )
    return render_to_string(f"gallery/{page}.html", frame() | CONTEXTS[page]())


class _Handler(BaseHTTPRequestHandler):
    """Gallery pages below /gallery/, static files below /static/, nothing else."""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path.startswith("/gallery/") and path.removeprefix("/gallery/") in PAGES:
            self._answer(
                "text/html; charset=utf-8", render(path.removeprefix("/gallery/")).encode()
            )
            return
        found = finders.find(path.removeprefix("/static/")) if path.startswith("/static/") else None
        if found:
            self._answer(mimetypes.guess_type(path)[0] or "", Path(str(found)).read_bytes())
        else:
            self.send_error(404)

    def _answer(self, media_type: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", STRICT_POLICY)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Tests and terminals stay quiet."""


@contextmanager
def served() -> Iterator[str]:
    """The gallery on a free port of the loopback; yields its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/gallery"
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    import os

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
    django.setup()
    with served() as address:
        print(f"{address}/index ({', '.join(PAGES)}); Ctrl-C ends it")  # noqa: T201
        threading.Event().wait()
