"""The words of a control (COSO, PCAOB AS 2201) and of the check of a package."""

from typing import Final

from django.db.models import TextChoices

DOCUMENT_LABEL: Final = "compliance.document"


class Nature(TextChoices):
    PREVENTIVE = "preventive", "Preventive"
    DETECTIVE = "detective", "Detective"


class Automation(TextChoices):
    MANUAL = "manual", "Manual"
    AUTOMATED = "automated", "Automated"
    MIXED = "it_dependent", "IT-dependent manual"


class Assertion(TextChoices):
    EXISTENCE = "existence", "Existence or occurrence"
    COMPLETENESS = "completeness", "Completeness"
    VALUATION = "valuation", "Valuation or allocation"
    RIGHTS = "rights", "Rights and obligations"
    PRESENTATION = "presentation", "Presentation and disclosure"


class Verdict(TextChoices):
    """What checking a stored package says; "valid" only if everything was checked and agreed."""

    VALID = "valid", "Valid"
    CHANGED = "changed", "Changed"
    MISSING = "missing", "Missing"
    UNTRUSTED = "untrusted", "Not trusted"
    UNCHECKED = "unchecked", "Not checked"
