"""The cast and the stage shared by all tests.

Alice prepares, Rita reviews, Bob approves, Connie is controller, Otto audits, Ada administers,
Ivy is an integration, Victor belongs to nothing. Charlie and his colleagues are the twins in
another entity: whatever they try on ours must look as if it did not exist.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from hypothesis import settings as examples

# How long an example takes says nothing on a busy machine.
examples.register_profile("untimed", deadline=None)
examples.load_profile("untimed")

# Doors have no floor of coverage, and their tests are many: they run without being traced, which
# makes them a third faster. What services, selectors and kernels need, their own tests cover.
DOORS = re.compile(r"test_(\w*_)?(admin|api|rest|pages|page|doors|browser|dashboard|journey)\.py$")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    coverage = item.config.pluginmanager.get_plugin("_cov")
    tracer = coverage.cov_controller if coverage and DOORS.search(item.path.name) else None
    if tracer is None:
        return (yield)
    tracer.pause()
    try:
        return (yield)
    finally:
        tracer.resume()


def pytest_collection_finish() -> None:
    """What is there before the first test stays: looking through it for garbage is of no use."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


@pytest.fixture(scope="session", autouse=True)
def _clean_flush() -> Iterator[None]:
    """Let transactional tests empty append-only tables when they end, and nothing else."""
    from django.db.backends.postgresql.operations import DatabaseOperations

    flush = DatabaseOperations.execute_sql_flush

    def flush_past_guards(self: Any, sql_list: list[str]) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(
                "SELECT tgrelid::regclass::text, tgname FROM pg_trigger"
                " WHERE NOT tgisinternal AND tgenabled = 'A'"
            )
            guards = cursor.fetchall()
            for table, name in guards:
                cursor.execute(f'ALTER TABLE {table} DISABLE TRIGGER "{name}"')
        flush(self, sql_list)
        with self.connection.cursor() as cursor:
            for table, name in guards:
                cursor.execute(f'ALTER TABLE {table} ENABLE ALWAYS TRIGGER "{name}"')

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "execute_sql_flush", flush_past_guards)
        yield


@pytest.fixture
def system(db: None) -> Any:
    from apps.identity.selectors import system_user

    return system_user()


@pytest.fixture
def entity(system: Any) -> Any:
    """Our entity: euros, Amsterdam."""
    from apps.identity.services import register_entity

    return register_entity(
        code="HFS",
        name="Harbour Field Services",
        country="NL",
        functional_currency="EUR",
        time_zone="Europe/Amsterdam",
        actor=system,
    )


@pytest.fixture
def other_entity(system: Any) -> Any:
    """Somebody else's entity: yen, Tokyo."""
    from apps.identity.services import register_entity

    return register_entity(
        code="TKO",
        name="Tokyo Orchards",
        country="JP",
        functional_currency="JPY",
        time_zone="Asia/Tokyo",
        actor=system,
    )


@pytest.fixture
def person(system: Any) -> Callable[..., Any]:
    """Make a user with roles on an entity: `person("alice", "preparer", on=entity)`."""
    from apps.identity.models import User
    from apps.identity.services import create_user, grant_role

    def make(username: str, *roles: str, on: Any = None) -> Any:
        user = create_user(
            username=username,
            email=f"{username}@example.com",
            password=f"{username}-likes-long-passwords",
            first_name=username.capitalize(),
            actor=system,
        )
        for role in roles:
            grant_role(user_id=user.pk, role=role, entity_id=on.pk, actor=system)
        return User.objects.get(pk=user.pk)

    return make


@pytest.fixture
def alice(person: Any, entity: Any) -> Any:
    return person("alice", "preparer", on=entity)


@pytest.fixture
def rita(person: Any, entity: Any) -> Any:
    return person("rita", "reviewer", on=entity)


@pytest.fixture
def bob(person: Any, entity: Any) -> Any:
    return person("bob", "approver", on=entity)


@pytest.fixture
def connie(person: Any, entity: Any) -> Any:
    return person("connie", "controller", on=entity)


@pytest.fixture
def otto(person: Any, entity: Any) -> Any:
    return person("otto", "auditor", on=entity)


@pytest.fixture
def ada(person: Any, entity: Any) -> Any:
    return person("ada", "administrator", on=entity)


@pytest.fixture
def ivy(person: Any, entity: Any) -> Any:
    return person("ivy", "integration", on=entity)


@pytest.fixture
def victor(person: Any) -> Any:
    return person("victor")


@pytest.fixture
def charlie(person: Any, other_entity: Any) -> Any:
    """Holds every role, but in the other entity."""
    from apps.common.roles import ROLES

    return person("charlie", *ROLES, on=other_entity)


@pytest.fixture
def api() -> Any:
    """A REST client; `api(user)` is signed in as the user."""
    from rest_framework.test import APIClient

    def client(user: Any = None) -> APIClient:
        made = APIClient(raise_request_exception=False)
        if user is not None:
            made.force_authenticate(user)
        return made

    return client


@pytest.fixture
def visit() -> Callable[..., Any]:
    """A browser that takes errors as answers; `visit(user)` is signed in as the user."""
    from django.test import Client

    def of(user: Any = None) -> Client:
        client = Client(raise_request_exception=False)
        if user is not None:
            client.force_login(user)
        return client

    return of


@pytest.fixture
def table_counts(db: None) -> Callable[[], dict[str, int]]:
    """Row counts of all our tables, to prove that a refusal changed nothing."""

    def count() -> dict[str, int]:
        with connection.cursor() as cursor:
            tables = [
                name
                for name in connection.introspection.table_names(cursor)
                if not name.startswith(("django_", "axes_"))
            ]
            counts = {}
            for name in tables:
                cursor.execute(f'SELECT count(*) FROM "{name}"')
                counts[name] = cursor.fetchone()[0]
        return counts

    return count


@pytest.fixture
def unchanged(table_counts: Callable[[], dict[str, int]]) -> Iterator[None]:
    """Use in refusal tests: fails if any of our tables gained or lost a row meanwhile."""
    before = table_counts()
    yield
    assert table_counts() == before
