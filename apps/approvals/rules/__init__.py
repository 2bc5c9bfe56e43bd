"""The rules of approvals as plain functions: who is missing, how much, together with what, by when.

Pure: no Django. People are ids, amounts are Decimals, instants are aware datetimes, days are dates.
"""

from .clock import BusinessTime, Clock, clock
from .feasibility import Shortage, Step, assignment, shortage
from .limits import (
    LONGEST_RATE_AGE_DAYS,
    Ceiling,
    DatedRate,
    LimitTerms,
    Rates,
    are_in_use,
    ceiling,
    ceilings,
    converted,
)
from .splits import WINDOW, Piece, belongs_with, exposure

__all__ = [
    "LONGEST_RATE_AGE_DAYS",
    "WINDOW",
    "BusinessTime",
    "Ceiling",
    "Clock",
    "DatedRate",
    "LimitTerms",
    "Piece",
    "Rates",
    "Shortage",
    "Step",
    "are_in_use",
    "assignment",
    "belongs_with",
    "ceiling",
    "ceilings",
    "clock",
    "converted",
    "exposure",
    "shortage",
]
