"""How sources are fetched: one file for each kind, pure, without Django."""

from apps.ingestion.connectors.contract import Connector, PostedLines, Pulled, Site, Window
from apps.ingestion.connectors.egress import EgressRules
from apps.ingestion.connectors.errors import ConnectorInvalid, NothingThere, PullFailed
from apps.ingestion.connectors.registry import CONNECTORS, connector_named

__all__ = [
    "CONNECTORS",
    "Connector",
    "ConnectorInvalid",
    "EgressRules",
    "NothingThere",
    "PostedLines",
    "PullFailed",
    "Pulled",
    "Site",
    "Window",
    "connector_named",
]
