from celery import shared_task

from apps.ledger import services


@shared_task
def post_approved_entry(request_id: int) -> None:
    """Called by approvals after the final decision on an entry's request."""
    services.settle_request(request_id=request_id)


@shared_task
def note_decided_analysis(request_id: int) -> None:
    """Called by approvals after the final decision on an analysis' request."""
    services.settle_analysis(request_id=request_id)


@shared_task
def settle_reopening(request_id: int) -> None:
    """Called by approvals when the request about a reopening has ended."""
    services.settle_reopening(request_id=request_id)


@shared_task
def end_expired_reopenings() -> None:
    services.end_expired_reopenings()
