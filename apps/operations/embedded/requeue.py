"""Give back to the queue what a killed worker held, then become the worker.

Celery returns an unfinished message to the queue only after the visibility timeout, an hour here,
because it cannot know whether another worker still runs it. The embedded site can: it has one
worker over a Redis of its own, so when that worker starts, no message is in work.

Run as `python -m apps.operations.embedded.requeue PROGRAM ARGUMENT...`.
"""

from __future__ import annotations

import os
import sys

from kombu import Connection

from apps.operations.embedded.environment import own_variables
from apps.operations.embedded.redis_server import broker_url


def requeue_unfinished(redis_url: str) -> None:
    """Return every message that was handed out and not confirmed to its queue."""
    with Connection(broker_url(redis_url)) as broker:
        channel = broker.default_channel
        for tag in channel.client.zrange(channel.unacked_index_key, 0, -1):
            channel.qos.restore_by_tag(tag)


if __name__ == "__main__":
    if "REDIS_URL" in own_variables():
        requeue_unfinished(os.environ["REDIS_URL"])
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606
