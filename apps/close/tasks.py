from celery import shared_task

from apps.close import services


@shared_task
def start_ready(run_id: int) -> None:
    services.start_ready_tasks(run_id=run_id)


@shared_task
def run_task(task_id: int) -> None:
    services.run_task(task_id=task_id)


@shared_task
def settle(task_id: int) -> None:
    services.settle_task(task_id=task_id)


@shared_task
def note_decision(request_id: int) -> None:
    services.note_decision(request_id=request_id)


@shared_task
def resume_interrupted() -> None:
    services.resume_interrupted()
