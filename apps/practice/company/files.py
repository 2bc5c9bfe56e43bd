"""Every file of the practice company, as bytes by path."""

from __future__ import annotations

from pathlib import Path

from .close_plan import close_template
from .company import Company, build_company
from .controls import controls
from .entity import entity
from .rules import match_types
from .sources import sources
from .statement import Statement, statements
from .truth import truth
from .writers.camt053 import camt053
from .writers.documents import chart_of_accounts, client_jobs, document, opening_balances, users
from .writers.mt940 import mt940
from .writers.tables import erp_extract, gateway_payouts, ledger_extract


def render_files() -> dict[str, bytes]:
    """Path below the output directory, with forward slashes, to the content of the file."""
    company = build_company()
    files = {
        "entity.json": document(entity()),
        "chart_of_accounts.json": document(chart_of_accounts()),
        "opening_balances.json": document(opening_balances(company)),
        "users.json": document(users()),
        "sources.json": document(sources()),
        "match_types.json": document(match_types()),
        "close_template.json": document(close_template()),
        "controls.json": document(controls()),
    }
    for statement in statements(company):
        for name, content in _month_files(company, statement).items():
            files[f"{statement.month.label}/{name}"] = content
    return files


def _month_files(company: Company, statement: Statement) -> dict[str, bytes]:
    book, month = company.book, statement.month
    return {
        "gl_extract.csv": ledger_extract(book, month),
        "erp_extract.csv": erp_extract(book, month),
        "bank_statement.camt053.xml": camt053(statement),
        "bank_statement.mt940": mt940(statement),
        "gateway_payouts.csv": gateway_payouts(book, month),
        "client_jobs.json": document(client_jobs(book, month)),
        "truth.json": document(truth(company, month)),
    }


def write_company(directory: Path) -> list[Path]:
    """Write every file below the directory; gives the paths, in the order written.

    Files that exist are replaced; others in the directory are left alone.
    """
    written = []
    for name, content in render_files().items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        written.append(path)
    return written
