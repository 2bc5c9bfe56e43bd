from celery import shared_task

from apps.approvals import services


@shared_task
def recheck_requests(entity_id: int) -> None:
    """Queued whenever somebody's authority on the entity changes."""
    services.recheck_requests(entity_id=entity_id)


@shared_task
def recheck_all() -> None:
    """By beat: what begins or ends by date, and what two changes at once left over."""
    services.recheck_all()


@shared_task
def tend_requests() -> None:
    """By beat: remind, escalate, expire."""
    services.tend_requests()


@shared_task
def settle_policy(request_id: int) -> None:
    """Called after the final decision on a request about a policy."""
    services.settle_policy(request_id=request_id)
