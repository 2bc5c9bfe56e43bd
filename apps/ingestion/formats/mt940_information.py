"""Field 86, the information to the account owner, in the three styles that banks use.

German: `166?00GUTSCHRIFT?20EREF+...?32NAME`, numbered sub-fields with SEPA keywords in the
purpose. Slashes: `/EREF/.../REMI/...` (Dutch and other banks). Otherwise: free text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

_NUMBERED = re.compile(r"(\d{3})([?<~])\d\d", re.ASCII)
_SUBFIELDS = {
    "00": "booking_text",
    "10": "primanota",
    **{str(number): "purpose" for number in (*range(20, 30), *range(60, 64))},
    "30": "counterparty_bank",
    "31": "counterparty_account",
    "32": "name",
    "33": "name",
    "34": "text_key",
}
_FULL_PIECE = 27  # a sub-field that long was cut for its length, perhaps inside a word
_KEYWORDS = {
    "EREF": "reference",
    "KREF": "customer_reference_86",
    "MREF": "mandate_id",
    "CRED": "creditor_id",
    "DEBT": "debtor_id",
    "COAM": "charges",
    "OAMT": "original_amount",
    "SVWZ": "narrative",
    "ABWA": "ultimate_payer",
    "ABWE": "ultimate_payee",
    "PURP": "purpose_code",
}
_SLASHES = {
    "BIC": "counterparty_bank",
    "BENM": "",
    "CNTP": "party",
    "CSID": "creditor_id",
    "EREF": "reference",
    "IBAN": "counterparty_account",
    "MARF": "mandate_id",
    "NAME": "name",
    "ORDP": "",
    "PREF": "batch_reference",
    "PURP": "purpose_code",
    "REMI": "narrative",
    "RTRN": "return_reason",
    "TRTP": "booking_text",
}
_KEYWORD = re.compile(rf"({'|'.join(_KEYWORDS)})\+")
_SLASH = re.compile(rf"/({'|'.join(_SLASHES)})/")


@dataclass(frozen=True)
class Information:
    """What field 86 says; '' for what it does not."""

    narrative: str = ""
    counterparty: str = ""
    reference: str = ""
    attributes: dict[str, str] = field(default_factory=dict)


def information_of(texts: Sequence[str]) -> Information:
    """Field 86, given line by line."""
    joined = "".join(texts)
    numbered = _NUMBERED.match(joined)
    if numbered is not None:
        return _from_numbered(joined, numbered[1], numbered[2])
    if _SLASH.match(joined.strip()):
        return _from_slashes(joined.strip())
    return Information(narrative=" ".join(" ".join(texts).split()))


def _from_numbered(text: str, code: str, mark: str) -> Information:
    _, *pieces = re.split(rf"{re.escape(mark)}([0-9][0-9])", text)
    found: dict[str, list[str]] = {}
    for number, piece in zip(pieces[::2], pieces[1::2], strict=True):
        found.setdefault(_SUBFIELDS.get(number, f"subfield_{number}"), []).append(piece)
    values = {name: _joined(parts) for name, parts in found.items()}
    return _information({**_keyworded(values.pop("purpose", "")), **values, "bank_code": code})


def _joined(pieces: Sequence[str]) -> str:
    """Pieces in one: without a blank after one that was cut for its length."""
    text = ""
    for piece in pieces:
        text += piece if len(piece) >= _FULL_PIECE else f"{piece} "
    return " ".join(text.split())


def _keyworded(purpose: str) -> dict[str, str]:
    """The SEPA keywords of a purpose; without any, all of it is narrative."""
    lead, *pieces = _KEYWORD.split(purpose)
    values = {
        _KEYWORDS[keyword]: text.strip()
        for keyword, text in zip(pieces[::2], pieces[1::2], strict=True)
    }
    values["narrative"] = f"{lead.strip()} {values.get('narrative', '')}".strip()
    return values


def _from_slashes(text: str) -> Information:
    _, *pieces = _SLASH.split(text)
    values: dict[str, str] = {}
    for code, piece in zip(pieces[::2], pieces[1::2], strict=True):
        values.setdefault(_SLASHES[code], piece.strip().strip("/"))
    values.pop("", None)
    values["narrative"] = values.get("narrative", "").removeprefix("USTD//")
    account, bank, name, *_ = [*values.pop("party", "").split("/"), "", "", ""]
    party = {"counterparty_account": account, "counterparty_bank": bank, "name": name}
    return _information({**party, **values})


def _information(values: dict[str, str]) -> Information:
    return Information(
        narrative=values.pop("narrative", ""),
        counterparty=values.pop("name", ""),
        reference=values.pop("reference", ""),
        attributes=values,
    )
