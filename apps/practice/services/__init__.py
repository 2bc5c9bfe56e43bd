"""Load the practice company and close its month."""

from apps.practice.services.demo import DemoStuck, Watched, begin_close, see_through
from apps.practice.services.loading import Loaded, load_company
from apps.practice.services.people import password_of

__all__ = [
    "DemoStuck",
    "Loaded",
    "Watched",
    "begin_close",
    "load_company",
    "password_of",
    "see_through",
]
