"""Column names that banks, payment services and ledgers use, in English, German and French.

A name is compared without case, accents and punctuation. Within a field the earlier name wins;
the column of a later one stays an attribute.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType

from apps.ingestion.formats.errors import MalformedFile
from apps.ingestion.formats.mapping import FieldMapping

WELL_KNOWN: dict[str, tuple[str, ...]] = {
    "external_id": (
        "external id",
        "transaction id",
        "transaktions id",
        "id transaction",
        "identifiant",
        "entry id",
        "payment id",
        "charge id",
        "id",
    ),
    "account": (
        "account",
        "account number",
        "account no",
        "account iban",
        "iban",
        "konto",
        "kontonummer",
        "auftragskonto",
        "iban auftragskonto",
        "compte",
        "numero de compte",
        "no de compte",
    ),
    "booked_on": (
        "booked on",
        "booking date",
        "posting date",
        "posted date",
        "post date",
        "buchungstag",
        "buchungsdatum",
        "buchung",
        "date operation",
        "date de l operation",
        "date d operation",
        "date de comptabilisation",
        "date comptable",
        "transaction date",
        "entry date",
        "date",
        "datum",
    ),
    "value_on": (
        "value on",
        "value date",
        "valuta",
        "valutadatum",
        "wertstellung",
        "wertstellungstag",
        "date valeur",
        "date de valeur",
    ),
    "amount": (
        "amount",
        "transaction amount",
        "betrag",
        "umsatz",
        "montant",
        "montant de l operation",
        "net amount",
        "net",
    ),
    "debit": (
        "debit",
        "debit amount",
        "debits",
        "paid out",
        "money out",
        "withdrawal",
        "withdrawals",
        "soll",
        "belastung",
        "lastschrift",
        "montant debit",
    ),
    "credit": (
        "credit",
        "credit amount",
        "credits",
        "paid in",
        "money in",
        "deposit",
        "deposits",
        "haben",
        "gutschrift",
        "montant credit",
    ),
    "indicator": (
        "debit credit",
        "credit debit",
        "credit debit indicator",
        "debit credit indicator",
        "d c indicator",
        "dr cr indicator",
        "debit credit flag",
        "debit credit code",
        "debit or credit",
        "credit or debit",
        "dr cr",
        "cr dr",
        "d c",
        "c d",
        "soll haben",
        "soll haben kennzeichen",
        "s h",
        "sens",
    ),
    "balance": (
        "balance",
        "running balance",
        "closing balance",
        "account balance",
        "saldo",
        "kontostand",
        "saldo nach buchung",
        "solde",
    ),
    "currency": ("currency", "ccy", "currency code", "wahrung", "waehrung", "devise", "monnaie"),
    "reference": (
        "reference",
        "ref",
        "payment reference",
        "customer reference",
        "end to end id",
        "end to end reference",
        "referenz",
        "kundenreferenz",
        "kundenreferenz end to end",
        "no de reference",
        "invoice",
        "invoice number",
        "document number",
        "belegnummer",
        "numero de piece",
    ),
    "counterparty": (
        "counterparty",
        "counterparty name",
        "payee",
        "payer",
        "beneficiary",
        "customer",
        "customer name",
        "vendor",
        "supplier",
        "client",
        "merchant",
        "name",
        "beguenstigter zahlungspflichtiger",
        "begunstigter zahlungspflichtiger",
        "auftraggeber beguenstigter",
        "auftraggeber begunstigter",
        "beneficiaire",
        "tiers",
        "nom de la contrepartie",
    ),
    "narrative": (
        "narrative",
        "description",
        "details",
        "transaction details",
        "transaction description",
        "memo",
        "particulars",
        "remittance information",
        "verwendungszweck",
        "buchungstext",
        "beschreibung",
        "libelle",
        "libelle de l operation",
        "libelle operation",
        "text",
    ),
}


def normalised(name: str) -> str:
    """A column name without case, accents and punctuation, words parted by one blank."""
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss").casefold())
    bare = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return re.sub(r"[^a-z0-9]+", " ", bare).strip()


def completed_mapping(mapping: FieldMapping, names: Sequence[str]) -> FieldMapping | None:
    """The mapping with columns, its own or those that well-known names give.

    None when it has none and a date or an amount is not among the names.

    Raises:
        MalformedFile: a field's column is there twice, under names that differ in writing only.
    """
    if mapping.columns:
        return mapping
    names = mapping.names_after(names)
    seen = [normalised(name) for name in names]
    columns: dict[str, tuple[str, ...]] = {}
    for field, known in WELL_KNOWN.items():
        chosen = next((name for name in known if name in seen), None)
        if chosen is None:
            continue
        if len({name for name in names if normalised(name) == chosen}) > 1:
            raise MalformedFile("Two columns have nearly the same name.", field=field)
        columns[field] = (names[seen.index(chosen)],)
    if {"debit", "credit"} <= set(columns):
        columns.pop("amount", None)
        columns.pop("indicator", None)
    else:
        columns.pop("debit", None)
        columns.pop("credit", None)
    has_date = "booked_on" in columns or "value_on" in columns
    if not has_date or not {"amount", "debit"} & set(columns):
        return None
    return replace(mapping, columns=MappingProxyType(columns), is_recognised=True)
