"""Sign a text and send it to one place, once; knows nothing of Django."""

from apps.outbound.posting.request import Answer, check_url, post
from apps.outbound.posting.signing import new_secret, signed_headers
from apps.outbound.posting.slack import check_slack_url, send_to_slack

__all__ = [
    "Answer",
    "check_slack_url",
    "check_url",
    "new_secret",
    "post",
    "send_to_slack",
    "signed_headers",
]
