from celery import shared_task

from apps.reconciliation import services


@shared_task
def execute_run(run_id: int) -> None:
    services.execute_run(run_id=run_id)
