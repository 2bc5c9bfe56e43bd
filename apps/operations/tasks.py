from celery import shared_task

from apps.operations import services


@shared_task
def relay_outbox() -> None:
    services.relay_outbox()


@shared_task
def drop_delivered() -> None:
    services.drop_delivered()
