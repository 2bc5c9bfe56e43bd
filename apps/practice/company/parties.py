"""Invented customers, suppliers and services. Names are made of place words and trades."""

from __future__ import annotations

from dataclasses import dataclass

from .chart import EQUIPMENT, OTHER, RENT, SUBCONTRACTORS, VEHICLES

GATEWAY = "Quayside Payments"
BANK_NAME = "Harbour Bank"
TAX_OFFICE = "Tax office"
STAFF = tuple(f"Employee E{number:02d}" for number in range(1, 29))
FUEL_CARDS = ("Dike Fuel Card", "Polder Fuel Card")


@dataclass(frozen=True)
class Service:
    """A kind of field work and its list price of an hour, in cents."""

    name: str
    rate_cents: int


@dataclass(frozen=True)
class Customer:
    """A customer, what it pays above the list price, and whether it accounts for the VAT itself."""

    name: str
    uplift_cents: int
    is_vat_reversed: bool
    sites: tuple[str, ...]


@dataclass(frozen=True)
class Supplier:
    """A supplier and what it is bought for.

    Args:
        name: name on bills.
        account: expense or asset account of its bills.
        first_cents, last_cents: range of a bill, without VAT.
        monthly_bills: bills in each month.
        description: text of the entry.
    """

    name: str
    account: str
    first_cents: int
    last_cents: int
    monthly_bills: int
    description: str


SERVICES = (
    Service("Inspection", 6_400),
    Service("Maintenance", 7_240),
    Service("Repair", 7_880),
    Service("Installation", 8_600),
    Service("Emergency call-out", 11_800),
)

_PLACES = (
    "Noordkade", "Zuiderdok", "Oosthaven", "Westpier", "Bakboord", "Stuurboord", "Duinzicht",
    "Kadezicht", "Veerhaven", "Sluisplein", "Lichtmast", "Havenhoofd",
)  # fmt: skip
_TRADES = ("Logistics", "Storage", "Facilities", "Shipyard")


def _customer(number: int) -> Customer:
    place = _PLACES[number % len(_PLACES)]
    trade = _TRADES[number % len(_TRADES) if number < 12 else (number // 12 + number) % 4]
    return Customer(
        name=f"{place} {trade} B.V.",
        uplift_cents=40 * (number * 7 % 16),
        is_vat_reversed=number % 3 == 2,
        sites=tuple(f"{place} hall {hall}" for hall in range(1, 2 + number % 4)),
    )


CUSTOMERS = tuple(_customer(number) for number in range(48))

SUPPLIERS = (
    Supplier("Ankerplaats Installers B.V.", SUBCONTRACTORS, 42_000, 168_000, 8, "Hired crew"),
    Supplier("Boeilijn Electrics B.V.", SUBCONTRACTORS, 38_000, 142_000, 8, "Electrical work"),
    Supplier("Kielzog Climate B.V.", SUBCONTRACTORS, 36_000, 156_000, 7, "Climate systems work"),
    Supplier("Mastlicht Rigging B.V.", SUBCONTRACTORS, 40_000, 150_000, 7, "Rigging work"),
    Supplier("Roerblad Welding B.V.", SUBCONTRACTORS, 34_000, 128_000, 6, "Welding work"),
    Supplier("Wisselspoor Van Lease B.V.", VEHICLES, 31_000, 52_000, 14, "Van lease"),
    Supplier("Krukas Workshop B.V.", VEHICLES, 9_000, 64_000, 9, "Van service"),
    Supplier("Klinknagel Tools B.V.", OTHER, 4_500, 62_000, 10, "Small tools"),
    Supplier("Zeilmaker Workwear B.V.", OTHER, 6_000, 48_000, 6, "Workwear"),
    Supplier("Morseteken Telecom B.V.", OTHER, 8_500, 32_000, 7, "Phones and data"),
    Supplier("Kantklos Office B.V.", OTHER, 3_500, 24_000, 7, "Office supplies"),
    Supplier("Spantdeel Software B.V.", OTHER, 12_000, 56_000, 4, "Software"),
    Supplier("Pakhuis Vastgoed B.V.", RENT, 845_000, 845_000, 1, "Rent of yard and office"),
    Supplier("Dommekracht Machines B.V.", EQUIPMENT, 180_000, 460_000, 1, "Machine"),
)
