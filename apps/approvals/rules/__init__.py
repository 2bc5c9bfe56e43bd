"""The rules of approvals as plain functions: who is missing, how much, together with what, by when;
and what a file is that somebody brings as evidence.

Pure: no Django. People are ids, amounts are Decimals, instants are aware datetimes, days are dates.
"""

from .clock import BusinessTime, Clock, clock, clock_of_stage
from .duties import Both, Pairing, could_do_both
from .evidence import (
    ALL_TYPES,
    IMAGES,
    LONGEST_TEXT,
    TEXTS,
    Evidence,
    Recognised,
    called,
    recognise,
)
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
from .mandates import Absence, Absences, Decider, Mandate
from .quality import MEANINGS, Quality, Review, quality_of
from .spells import Change, Spell, spells
from .splits import WINDOW, Piece, belongs_with, exposure
from .waivers import WaiverTerms, waived, waived_kinds

__all__ = [
    "ALL_TYPES",
    "IMAGES",
    "LONGEST_RATE_AGE_DAYS",
    "LONGEST_TEXT",
    "MEANINGS",
    "TEXTS",
    "WINDOW",
    "Absence",
    "Absences",
    "Both",
    "BusinessTime",
    "Ceiling",
    "Change",
    "Clock",
    "DatedRate",
    "Decider",
    "Evidence",
    "LimitTerms",
    "Mandate",
    "Pairing",
    "Piece",
    "Quality",
    "Rates",
    "Recognised",
    "Review",
    "Shortage",
    "Spell",
    "Step",
    "WaiverTerms",
    "are_in_use",
    "assignment",
    "belongs_with",
    "called",
    "ceiling",
    "ceilings",
    "clock",
    "clock_of_stage",
    "converted",
    "could_do_both",
    "exposure",
    "quality_of",
    "recognise",
    "shortage",
    "spells",
    "waived",
    "waived_kinds",
]
