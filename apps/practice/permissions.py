"""The practice company needs no permission of its own: it is loaded from the command line."""

from typing import Final

HOLDERS: Final[dict[str, tuple[str, ...]]] = {}
