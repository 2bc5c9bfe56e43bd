"""The connectors there are."""

from __future__ import annotations

from apps.ingestion.connectors.contract import Connector
from apps.ingestion.connectors.drop import Drop
from apps.ingestion.connectors.errors import ConnectorInvalid
from apps.ingestion.connectors.http import Http
from apps.ingestion.connectors.ledger import Ledger
from apps.ingestion.connectors.sql import Sql

CONNECTORS: tuple[Connector, ...] = (Drop(), Sql(), Http(), Ledger())


def connector_named(name: str) -> Connector:
    """The connector of this name.

    Raises:
        ConnectorInvalid: there is none.
    """
    for connector in CONNECTORS:
        if connector.name == name:
            return connector
    names = ", ".join(connector.name for connector in CONNECTORS)
    raise ConnectorInvalid("connector", f"is one of {names}.")
