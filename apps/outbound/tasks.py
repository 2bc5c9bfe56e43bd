from celery import shared_task

from apps.outbound import services

# An attempt takes at most half a minute; what takes longer is a trap, and is broken off.
_LONGEST_SECONDS = 45


@shared_task(soft_time_limit=_LONGEST_SECONDS, time_limit=_LONGEST_SECONDS + 15)
def deliver(delivery_id: int) -> None:
    services.deliver(delivery_id=delivery_id)


@shared_task
def queue_due_deliveries() -> None:
    """By beat: retries, and what got lost on the way."""
    services.queue_due_deliveries()


@shared_task(soft_time_limit=_LONGEST_SECONDS, time_limit=_LONGEST_SECONDS + 15)
def send_message(message_id: int) -> None:
    services.send_message(message_id=message_id)


@shared_task
def queue_due_messages() -> None:
    """By beat: digests whose hour has come, retries, and what got lost on the way."""
    services.queue_due_messages()
