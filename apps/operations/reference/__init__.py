"""Reference pages built from the source, so that they cannot fall behind it."""

from apps.operations.reference.pages import PAGES, built_pages, page_folder

__all__ = ["PAGES", "built_pages", "page_folder"]
