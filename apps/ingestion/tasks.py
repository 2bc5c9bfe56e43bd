from celery import shared_task

from apps.ingestion import services


@shared_task
def perform_pull(pull_id: int) -> None:
    services.perform_pull(pull_id=pull_id)


@shared_task
def look_for_pulls() -> None:
    services.ask_scheduled_pulls()
    services.resume_pulls()
