from celery import shared_task

from apps.reconciliation import services


@shared_task
def execute_run(run_id: int) -> None:
    services.begin_run(run_id=run_id)


@shared_task
def match_shard(shard_id: int) -> None:
    services.match_shard(shard_id=shard_id)


@shared_task
def finish_run(run_id: int) -> None:
    services.finish_run(run_id=run_id)


@shared_task
def forget_shards(names: list[str]) -> None:
    services.forget_found(names)


@shared_task
def resume_runs() -> None:
    """Called by the beat."""
    services.resume_runs()


@shared_task
def resume_queued() -> None:
    """Called by the beat."""
    services.resume_queued()


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
