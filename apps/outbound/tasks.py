from celery import shared_task

from apps.outbound import services

# An attempt takes at most half a minute; what takes longer is a trap, and its process is ended.
_LONGEST_SECONDS = 60


@shared_task(time_limit=_LONGEST_SECONDS, soft_time_limit=None)
def deliver(delivery_id: int) -> None:
    services.deliver(delivery_id=delivery_id)


@shared_task
def queue_due_deliveries() -> None:
    """By beat: retries, and what got lost on the way."""
    services.queue_due_deliveries()


@shared_task(time_limit=_LONGEST_SECONDS, soft_time_limit=None)
def send_message(message_id: int) -> None:
    services.send_message(message_id=message_id)


@shared_task
def queue_due_messages() -> None:
    """By beat: digests whose hour has come, retries, and what got lost on the way."""
    services.queue_due_messages()
