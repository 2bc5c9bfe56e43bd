"""Pages of REST lists."""

import re
from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request


class NewestFirst(CursorPagination):
    """Cursor pages, newest first; stable while rows are added."""

    page_size = 50
    max_page_size = 500
    page_size_query_param = "page_size"
    ordering = "-id"
    position = re.compile(r"[0-9]{1,18}")  # of the first ordering; the database takes no other

    def decode_cursor(self, request: Request) -> Any:
        cursor = super().decode_cursor(request)
        if cursor and cursor.position and not self.position.fullmatch(str(cursor.position)):
            raise NotFound(self.invalid_cursor_message)
        return cursor
