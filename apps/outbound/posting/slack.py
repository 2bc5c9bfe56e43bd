"""A text to a Slack channel, through its incoming webhook.

apprise knows which URLs those are and how Slack wants a text written. Its own way of sending is
not used: it resolves names by itself, follows redirects and logs the URL, which is a secret.
"""

from __future__ import annotations

import json
from html import escape
from typing import Any

from apprise import NotifyFormat
from apprise.plugins.slack import NotifySlack, SlackMode

from apps.ingestion.connectors import EgressRules
from apps.outbound.posting.request import Answer, check_url, post

_MODES = (SlackMode.WEBHOOK, SlackMode.WEBHOOK_GOV)


class _CheckedSlack(NotifySlack):
    """Sends to the address that was checked, once, and keeps the answer."""

    egress: EgressRules
    answer: Answer | None = None

    def _send(self, url: str, payload: Any, *arguments: Any, **options: Any) -> Any:
        body = json.dumps(payload).encode()
        self.answer = post(url, body=body, headers={}, egress=self.egress)
        return {"ok": True} if self.answer.is_taken else False


def check_slack_url(url: str, egress: EgressRules) -> str:
    """Why this is no URL of Slack that may be sent to, for people; empty if it is one."""
    problem = check_url(url, egress)
    if problem:
        return problem
    facts = NotifySlack.parse_native_url(url)
    if facts is None or facts.get("mode") not in (None, *_MODES):
        return "Give the URL of an incoming webhook, https://hooks.slack.com/services/..."
    return ""


def send_to_slack(url: str, *, title: str, text: str, egress: EgressRules) -> Answer:
    """Send it once; whatever goes wrong is told in the answer.

    Args:
        url: one that `check_slack_url` found in order.
    """
    facts = NotifySlack.parse_native_url(url)
    # No picture of elsewhere, no advertisement: what we say and nothing else.
    slack = _CheckedSlack(**{**facts, "include_image": False, "include_footer": False})
    slack.egress = egress
    slack.send(escape(text, quote=False), title=title, body_format=NotifyFormat.TEXT)
    return slack.answer or Answer(None, 0, "Slack was not asked.")
