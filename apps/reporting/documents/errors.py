"""What the document kernel refuses. All are ValueErrors: the caller handed in something wrong."""

from __future__ import annotations


class DocumentRefused(ValueError):
    """The base of every refusal of this package."""


class AmountNotFinite(DocumentRefused):
    """An amount is NaN or infinite."""


class AmountNotDecimal(DocumentRefused):
    """An amount is not a Decimal; a float has already lost what the ledger holds."""


class CurrencyUnknown(DocumentRefused):
    """A currency code is not in ISO 4217."""


class InstantWithoutZone(DocumentRefused):
    """A date-time has no time zone, so that nobody can say when it was."""


class SectionEmpty(DocumentRefused):
    """A section has no content and no declared omission."""


class OmissionWithoutReason(DocumentRefused):
    """A section is declared omitted, but nobody says why."""


class TableRagged(DocumentRefused):
    """A table has a row with more or fewer cells than it has columns."""


class PathUnsafe(DocumentRefused):
    """A manifest path is absolute, leaves its folder, or could not be stored everywhere."""


class PathDuplicated(DocumentRefused):
    """Two items of a manifest, or two attachments, have the same path (letter case aside)."""


class ManifestMalformed(DocumentRefused):
    """The bytes are not a manifest in canonical form."""


class PdfUnreadable(DocumentRefused):
    """The bytes are not a PDF that can be read."""


class AlreadySigned(DocumentRefused):
    """The PDF carries a signature; changing it now would break that signature."""


class SigningMaterialUnreadable(DocumentRefused):
    """Key or certificate is missing, damaged, or needs another passphrase."""


class KeyDoesNotMatchCertificate(DocumentRefused):
    """The certificate belongs to another key."""


class CertificateNotInForce(DocumentRefused):
    """The certificate is not yet valid, or no longer, at the time of signing."""
