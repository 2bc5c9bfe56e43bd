"""Harbour Field Services B.V., the practice company: a deterministic generator of its files.

``python -m apps.practice.company fixtures/practice`` writes them; what is in them, and what was
planted in them, is described in docs/reference/practice-company.md.
"""

from .files import render_files, write_company

__all__ = ["render_files", "write_company"]
