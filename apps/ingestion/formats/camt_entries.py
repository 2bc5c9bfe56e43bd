"""One entry of a camt statement to lines: the entry itself, or its details where they add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from apps.ingestion.formats.amounts import parse_amount
from apps.ingestion.formats.contract import Rejected, canonical_json
from apps.ingestion.formats.dates import parse_iso_date

Leaves = Mapping[str, Sequence[str]]

_BLANK_REFERENCES = frozenset(("NOTPROVIDED", "NOT PROVIDED", "NONREF"))
_SIGNS = {"CRDT": 1, "DBIT": -1}
_DETAIL_AMOUNTS = ("Amt", "AmtDtls/TxAmt/Amt", "AmtDtls/InstdAmt/Amt")
_DECIDING = (
    *(("Amt",), ("Amt@Ccy",), ("CdtDbtInd",), ("Sts/Cd", "Sts", "Sts/Prtry")),
    *(("BookgDt/Dt", "BookgDt/DtTm"), ("ValDt/Dt", "ValDt/DtTm")),
)
# Attribute -> where it is found, first that is filled; the detail is asked before its entry.
_ATTRIBUTES = {
    "bank_code_proprietary": ("BkTxCd/Prtry/Cd",),
    "batch_reference": ("NtryDtls/Btch/PmtInfId", "NtryDtls/Btch/MsgId", "Refs/PmtInfId"),
    "batch_size": ("NtryDtls/Btch/NbOfTxs",),
    "charges": ("Chrgs/TtlChrgsAndTaxAmt", "Chrgs/Rcrd/Amt"),
    "cheque_number": ("Refs/ChqNb",),
    "clearing_reference": ("Refs/ClrSysRef",),
    "creditor_reference": ("RmtInf/Strd/CdtrRefInf/Ref",),
    "entry_reference": ("NtryRef",),
    "exchange_rate": (
        "AmtDtls/TxAmt/CcyXchg/XchgRate",
        "AmtDtls/CntrValAmt/CcyXchg/XchgRate",
        "AmtDtls/InstdAmt/CcyXchg/XchgRate",
    ),
    "instructed_amount": ("AmtDtls/InstdAmt/Amt",),
    "instructed_currency": ("AmtDtls/InstdAmt/Amt@Ccy",),
    "instruction_id": ("Refs/InstrId",),
    "mandate_id": ("Refs/MndtId",),
    "return_reason": ("RtrInf/Rsn/Cd", "RtrInf/Rsn/Prtry"),
    "servicer_reference": ("Refs/AcctSvcrRef", "AcctSvcrRef"),
    "transaction_id": ("Refs/TxId",),
}


@dataclass(frozen=True)
class Entry:
    """An `Ntry` and its `TxDtls`, each with the line it starts on."""

    line: int
    leaves: Leaves
    details: Sequence[tuple[int, Leaves]] = field(default_factory=tuple)

    @property
    def status(self) -> str:
        """BOOK, PDNG, INFO, FUTR; '' if the entry does not say."""
        return first(self.leaves, "Sts", "Sts/Cd", "Sts/Prtry")

    @property
    def is_reversal(self) -> bool:
        return first(self.leaves, "RvslInd") in ("true", "1")


class EntryRefused(Exception):
    """An entry that cannot be read; holds the rejected line."""

    def __init__(self, line: int, field_name: str, reason: str) -> None:
        super().__init__(reason)
        self.rejected = Rejected(line, field_name, reason)


def correctable(leaves: Leaves) -> dict[str, str]:
    """What decides whether an entry can be read, by path; '' for what it lacks."""
    found = {}
    for paths in _DECIDING:
        path = next((one for one in paths if one in leaves), paths[0])
        found[path] = first(leaves, path)
    return found


def with_texts(entry: Entry, texts: Mapping[str, str]) -> Entry:
    """The entry with these texts in the place of its own; a blank one is none.

    Its details get its line: what is corrected is found again by that, all of it.
    """
    others = {path: leaf for path, leaf in entry.leaves.items() if path not in texts}
    return replace(
        entry,
        leaves=others | {path: [text] for path, text in texts.items() if text},
        details=tuple((entry.line, leaves) for _, leaves in entry.details),
    )


def first(leaves: Leaves, *paths: str) -> str:
    """The first text at the first of the paths that has one, '' for none."""
    for path in paths:
        if path in leaves:
            return leaves[path][0]
    return ""


def direction(leaves: Leaves, line: int) -> int:
    """1 for CRDT, -1 for DBIT."""
    sign = _SIGNS.get(first(leaves, "CdtDbtInd"))
    if sign is None:
        raise EntryRefused(line, "CdtDbtInd", "The direction is neither CRDT nor DBIT.")
    return sign


def units(leaves: Leaves, line: int, path: str = "Amt") -> int:
    """The amount at a path, unsigned, in ten-thousandths of its own currency."""
    try:
        currency = first(leaves, f"{path}@Ccy")
        return parse_amount(first(leaves, path), currency=currency, decimal=".")
    except ValueError as error:
        reason = f"The amount {error}; have the bank correct it."
        raise EntryRefused(line, path, reason) from None


def rows_of(entry: Entry, *, statement: int, account: str) -> list[dict[str, Any]]:
    """The lines of an entry, in LINE_SCHEMA.

    A batch becomes its details if they carry amounts in the entry's currency that add up to it;
    otherwise it stays one line and its details are an attribute.

    Raises:
        EntryRefused: no usable amount, direction or date.
    """
    amount = direction(entry.leaves, entry.line) * units(entry.leaves, entry.line)
    booked_on, value_on = _dates(entry)
    shared = {
        "statement": statement,
        "account": account,
        "booked_on": booked_on,
        "value_on": value_on,
        "currency": first(entry.leaves, "Amt@Ccy"),
    }
    details = [leaves for _, leaves in entry.details]
    parts = _part_amounts(entry, amount) if len(details) > 1 else None
    if parts is None:
        only = _common(details)
        extra = {"details": [_summary(one) for one in details]} if len(details) > 1 else {}
        described = _described(entry, only, amount, extra)
        return [shared | described | {"line": entry.line, "amount": amount}]
    return [
        shared | _described(entry, leaves, part, {}, part_number) | {"line": line, "amount": part}
        for part_number, ((line, leaves), part) in enumerate(
            zip(entry.details, parts, strict=True), start=1
        )
    ]


def _dates(entry: Entry) -> tuple[date, date | None]:
    """Booking and value date; an entry without a booking date is booked on its value date."""
    found: list[date | None] = []
    for name in ("BookgDt", "ValDt"):
        text = first(entry.leaves, f"{name}/Dt", f"{name}/DtTm")
        try:
            found.append(parse_iso_date(text) if text else None)
        except ValueError as error:
            raise EntryRefused(entry.line, name, f"The date {error}.") from None
    booked_on, value_on = found
    if booked_on is None and value_on is None:
        raise EntryRefused(entry.line, "BookgDt", "The entry has no date.")
    return booked_on or value_on, value_on  # type: ignore[return-value]  # one of them is a date


def _part_amounts(entry: Entry, amount: int) -> list[int] | None:
    """Signed amounts of the details, from the first place where they add up to the entry."""
    currency = first(entry.leaves, "Amt@Ccy")
    for path in _DETAIL_AMOUNTS:
        if any(first(leaves, f"{path}@Ccy") != currency for _, leaves in entry.details):
            continue
        try:
            parts = [
                units(leaves, line, path) * _part_sign(leaves, line, amount)
                for line, leaves in entry.details
            ]
        except EntryRefused:
            continue  # the entry's own amount holds, the details stay attributes
        if sum(parts) == amount:
            return parts
    return None


def _part_sign(leaves: Leaves, line: int, amount: int) -> int:
    """The detail's own direction, else its entry's."""
    if "CdtDbtInd" in leaves:
        return direction(leaves, line)
    return 1 if amount >= 0 else -1


def _common(details: Sequence[Leaves]) -> Leaves:
    """What all details say alike."""
    if not details:
        return {}
    return {
        path: texts
        for path, texts in details[0].items()
        if all(other.get(path) == texts for other in details[1:])
    }


def _described(
    entry: Entry, detail: Leaves, amount: int, extra: Mapping[str, Any], part_number: int = 0
) -> dict[str, Any]:
    """References, parties and texts of a line; `part_number` counts the parts of a batch."""
    attributes: dict[str, Any] = {
        name: first(detail, *paths) or first(entry.leaves, *paths)
        for name, paths in _ATTRIBUTES.items()
    }
    attributes |= {
        "bank_code": _bank_code(detail) or _bank_code(entry.leaves),
        "counterparty_account": _party(detail, amount, "Acct/Id/IBAN", "Acct/Id/Othr/Id"),
        "counterparty_bank": _agent(detail, amount),
        "is_reversal": entry.is_reversal or "",
    }
    external_id = _external_id(entry.leaves, detail, part_number)
    if attributes["servicer_reference"] == external_id:
        del attributes["servicer_reference"]
    if attributes["entry_reference"] == first(entry.leaves, "AcctSvcrRef"):
        del attributes["entry_reference"]
    return {
        "external_id": external_id,
        "reference": _reference(detail),
        "counterparty": _party(detail, amount, "/Nm"),
        "narrative": _narrative(detail, entry.leaves),
        "attributes": canonical_json({**attributes, **extra}),
    }


def _external_id(entry: Leaves, detail: Leaves, part_number: int) -> str:
    """The bank's own reference; parts of a batch that share one are told apart by number."""
    own = first(detail, "Refs/AcctSvcrRef", "Refs/TxId")
    shared = first(entry, "AcctSvcrRef", "NtryRef")
    if not part_number:
        return shared or own
    if own and own != shared:
        return own
    return f"{shared}/{part_number}" if shared else ""


def _reference(detail: Leaves) -> str:
    """The payer's reference that travels with the payment; "not provided" is none."""
    for path in ("Refs/EndToEndId", "RmtInf/Strd/CdtrRefInf/Ref"):
        text = first(detail, path)
        if text and text.upper() not in _BLANK_REFERENCES:
            return text
    return ""


def _roles(amount: int) -> tuple[str, ...]:
    """Money that comes in comes from the debtor; the other side is asked if there is none."""
    payer, payee = ("Dbtr", "UltmtDbtr"), ("Cdtr", "UltmtCdtr")
    return (*payer, *payee) if amount >= 0 else (*payee, *payer)


def _party(detail: Leaves, amount: int, *endings: str) -> str:
    roles = _roles(amount)
    return first(detail, *(f"RltdPties/{role}{ending}" for role in roles for ending in endings))


def _agent(detail: Leaves, amount: int) -> str:
    roles = ("DbtrAgt", "CdtrAgt") if amount >= 0 else ("CdtrAgt", "DbtrAgt")
    names = ("BICFI", "BIC")
    return first(
        detail, *(f"RltdAgts/{role}/FinInstnId/{name}" for role in roles for name in names)
    )


def _narrative(detail: Leaves, entry: Leaves) -> str:
    """The remittance text, else what the bank adds to the detail or the entry."""
    for leaves, path in (
        (detail, "RmtInf/Ustrd"),
        (detail, "RmtInf/Strd/AddtlRmtInf"),
        (detail, "AddtlTxInf"),
        (entry, "AddtlNtryInf"),
    ):
        if path in leaves:
            return " ".join(leaves[path])
    return ""


def _bank_code(leaves: Leaves) -> str:
    levels = ("BkTxCd/Domn/Cd", "BkTxCd/Domn/Fmly/Cd", "BkTxCd/Domn/Fmly/SubFmlyCd")
    return "/".join(_filled(first(leaves, level) for level in levels))


def _filled(texts: Iterable[str]) -> list[str]:
    return [text for text in texts if text]


def _summary(detail: Leaves) -> dict[str, str]:
    """One detail of a batch that stays one line, as an attribute."""
    return {
        name: text
        for name, text in (
            ("amount", first(detail, *_DETAIL_AMOUNTS)),
            ("reference", _reference(detail)),
            ("counterparty", _party(detail, 1, "/Nm")),
            ("narrative", _narrative(detail, {})),
        )
        if text
    }
