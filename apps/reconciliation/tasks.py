from celery import shared_task

from apps.reconciliation import services


@shared_task
def execute_run(run_id: int) -> None:
    services.execute_run(run_id=run_id)


@shared_task
def settle_rules(request_id: int) -> None:
    """Called by approvals after the final decision on a request about rules."""
    services.settle_rules(request_id=request_id)


@shared_task
def settle_resolution(request_id: int) -> None:
    """Called by approvals after the final decision on a request about a resolution rule."""
    services.settle_resolution(request_id=request_id)


@shared_task
def resolve_small_breaks(run_id: int) -> None:
    services.resolve_small_breaks(run_id=run_id)
