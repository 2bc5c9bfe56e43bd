"""Messages to people: chosen, queued with the notice, sent once, tried again, given up."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from apprise.plugins.slack import NotifySlack
from django.core import mail, signing
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.approvals.models import Notice
from apps.approvals.services import propose_waiver
from apps.approvals.services.notices import notify
from apps.approvals.states import NoticeKind
from apps.common.errors import NotPermitted
from apps.identity.services import revoke_role
from apps.operations.models import OutboxMessage
from apps.outbound import tasks
from apps.outbound.errors import PreferenceInvalid
from apps.outbound.models import Message, MessageLine, MessagePreference
from apps.outbound.services import (
    choose_messages,
    queue_due_messages,
    send_message,
    sending,
)
from apps.outbound.services.messages import SEND_TASK, next_digest
from apps.outbound.states import MOST_MESSAGE_TRIES
from tests.approvals.test_races import race, sorted_out
from tests.faults import Trap, die_at
from tests.outbound.conftest import Receiver
from tests.outbound.mail import MailServer

pytestmark = pytest.mark.django_db

SLACK = "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7"
Tell = Callable[..., Notice]


@pytest.fixture(autouse=True)
def _site(settings: Any) -> None:
    settings.SITE_URL = "https://finflow.example.com"
    settings.EGRESS_HOSTS = ["hooks.slack.com", "127.0.0.1"]


@pytest.fixture
def mail_server(settings: Any) -> Iterator[MailServer]:
    """A real one; Django is told to use it."""
    made = MailServer()
    made.thread.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", made.port
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    yield made
    made.stop()


@pytest.fixture
def slack(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Receiver:
    """Slack, on this machine."""
    receiver.body = b"ok"
    monkeypatch.setattr(NotifySlack, "webhook_url", receiver.url)
    return receiver


@pytest.fixture
def choose(alice: Any) -> Callable[..., MessagePreference]:
    def make(actor: Any = None, **changes: Any) -> MessagePreference:
        wanted = {"by_email": True, "by_slack": False, "actor": actor or alice}
        return choose_messages(**(wanted | changes))

    return make


@pytest.fixture
def tell(ask: Any, alice: Any) -> Tell:
    """Alice is told something about a request."""

    def make(number: int = 0, occasion: str = "event 1", **facts: Any) -> Notice:
        request = ask(number, **facts)
        with transaction.atomic():
            notify(request, NoticeKind.BLOCKED, [alice.pk], occasion=occasion)
        return Notice.objects.get(request=request, person=alice, occasion=occasion)

    return make


def sent(message: Message) -> Message:
    send_message(message_id=message.pk)
    return Message.objects.get(pk=message.pk)


def make_due(message: Message) -> None:
    now = timezone.now()
    Message.objects.filter(pk=message.pk).update(due_at=now, queued_until=now)


# --- Choosing -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"by_slack": True}, "slack_url"),
        ({"slack_url": "https://example.com/services/A/B/C"}, "slack_url"),
        ({"slack_url": "http://169.254.169.254/services/A/B/C"}, "slack_url"),
        ({"slack_url": "https://hooks.slack.com/other"}, "slack_url"),
        ({"slack_url": "https://hooks.slack.com/workflows/T1/F1/X1/Y1"}, "slack_url"),
        ({"slack_url": "https://hooks.slack.com.evil.example/services/A/B/C"}, "slack_url"),
        ({"slack_url": "nonsense"}, "slack_url"),
        ({"rhythm": "hourly"}, "rhythm"),
        ({"digest_hour": 24}, "digest_hour"),
        ({"digest_hour": -1}, "digest_hour"),
        ({"time_zone": "Mars/Base"}, "time_zone"),
    ],
)
@pytest.mark.parametrize("is_new", [True, False])
def test_a_choice_that_would_not_work_changes_nothing(
    choose: Any, table_counts: Any, change: Any, field: str, is_new: bool
) -> None:
    if not is_new:
        choose()
    before = table_counts()
    with pytest.raises(PreferenceInvalid) as caught:
        choose(**change)
    assert caught.value.field == field
    assert table_counts() == before


def test_without_an_address_there_is_no_mail(choose: Any, alice: Any) -> None:
    alice.email = ""
    with pytest.raises(PreferenceInvalid) as caught:
        choose(alice)
    assert caught.value.field == "by_email"


def test_who_is_told_nothing_chooses_nothing(choose: Any, ada: Any, unchanged: None) -> None:
    with pytest.raises(NotPermitted):
        choose(ada)


def test_the_url_of_slack_is_sealed_and_nowhere_in_clear(choose: Any) -> None:
    choose(by_slack=True, slack_url=SLACK)
    choose(by_slack=True)  # keeps it
    assert MessagePreference.objects.get().slack_url == SLACK
    with connection.cursor() as cursor:
        told = []
        for table in ("outbound_messagepreference", "outbound_historicalmessagepreference"):
            cursor.execute(f"SELECT to_jsonb(t)::text FROM {table} t")
            told += [row[0] for row in cursor.fetchall()]
        cursor.execute("SELECT details::text FROM audit_event")
        told += [row[0] for row in cursor.fetchall()]
    assert not any("TIiajkd" in text for text in told)
    choose(by_slack=False, slack_url="")
    assert MessagePreference.objects.get().slack_url == ""


# --- Queueing -------------------------------------------------------------------------------


def test_a_notice_is_queued_once_in_each_channel(choose: Any, tell: Tell) -> None:
    choose(by_slack=True, slack_url=SLACK)
    notice = tell()
    with transaction.atomic():
        notify(notice.request, NoticeKind.BLOCKED, [notice.person_id], occasion="event 1")
    assert sorted(Message.objects.values_list("channel", flat=True)) == ["email", "slack"]
    assert {line.notice for line in MessageLine.objects.all()} == {notice}
    queued = OutboxMessage.objects.filter(task=SEND_TASK)
    assert {one.arguments["message_id"] for one in queued} == set(
        Message.objects.values_list("pk", flat=True)
    )


def test_who_chose_nothing_is_told_in_the_application_alone(tell: Tell) -> None:
    tell()
    assert not Message.objects.exists()


def test_what_is_rolled_back_is_not_sent(choose: Any, ask: Any, alice: Any) -> None:
    choose()
    request = ask()
    with transaction.atomic():
        notify(request, NoticeKind.BLOCKED, [alice.pk], occasion="x")
        transaction.set_rollback(True)
    assert not Message.objects.exists()
    assert not OutboxMessage.objects.filter(task=SEND_TASK).exists()


@pytest.mark.parametrize(
    ("zone", "hour", "now", "day", "due_at"),
    [
        ("UTC", 8, (2026, 5, 4, 7, 59), (2026, 5, 4), (2026, 5, 4, 8, 0)),
        ("UTC", 8, (2026, 5, 4, 8, 0), (2026, 5, 5), (2026, 5, 5, 8, 0)),
        ("Asia/Tokyo", 0, (2026, 5, 4, 14, 0), (2026, 5, 5), (2026, 5, 4, 15, 0)),
        ("America/New_York", 23, (2026, 5, 5, 2, 0), (2026, 5, 4), (2026, 5, 5, 3, 0)),
        # The clock is put forward at 2:00: half past one is followed by three.
        ("Europe/Amsterdam", 2, (2026, 3, 28, 20, 0), (2026, 3, 29), (2026, 3, 29, 1, 0)),
        # The clock is put back at 3:00: the first of two counts.
        ("Europe/Amsterdam", 2, (2026, 10, 24, 20, 0), (2026, 10, 25), (2026, 10, 25, 0, 0)),
    ],
)
def test_a_digest_is_due_at_the_hour_of_the_persons_clock(
    zone: str, hour: int, now: Any, day: Any, due_at: Any
) -> None:
    preference = MessagePreference(time_zone=zone, digest_hour=hour)
    found, due = next_digest(preference, datetime(*now, tzinfo=UTC))
    assert (found, due.astimezone(UTC)) == (date(*day), datetime(*due_at, tzinfo=UTC))


def test_a_day_has_one_digest_with_everything_in_it(
    choose: Any, tell: Tell, mail_server: MailServer
) -> None:
    choose(rhythm="daily")
    for number in range(3):
        tell(number, title=f"Bank {number}")
    message = Message.objects.get()
    assert (message.digest_on is not None, message.lines.count()) == (True, 3)
    assert not OutboxMessage.objects.filter(task=SEND_TASK).exists()
    assert sent(message).status == "waiting"  # its hour has not come
    make_due(message)
    assert queue_due_messages() == 1
    assert queue_due_messages() == 0
    for _ in range(3):
        assert sent(message).status == "sent"
    (mail,) = mail_server.mails
    assert mail["Subject"] == "FinFlow: 3 notices about approvals"
    assert all(f"Bank {number}" in mail.get_content() for number in range(3))


def test_what_comes_after_the_digest_goes_into_the_next(
    choose: Any, tell: Tell, mail_server: MailServer
) -> None:
    choose(rhythm="daily")
    tell(0)
    first = Message.objects.get()
    make_due(first)
    sent(first)
    tell(1)
    assert Message.objects.filter(digest_on__gt=first.digest_on, status="waiting").count() == 1
    assert [message.lines.count() for message in Message.objects.all()] == [1, 1]


@pytest.mark.django_db(transaction=True)
def test_notices_of_the_same_moment_share_a_digest(choose: Any, ask: Any, alice: Any) -> None:
    choose(rhythm="daily")
    requests = [ask(number) for number in range(6)]

    def told(request: Any) -> Callable[[], None]:
        def call() -> None:
            with transaction.atomic():
                notify(request, NoticeKind.BLOCKED, [alice.pk], occasion="x")

        return call

    _, refusals = sorted_out(race([told(request) for request in requests]))
    assert refusals == []
    assert Message.objects.get().lines.count() == 6


# --- Sending --------------------------------------------------------------------------------


def test_a_mail_says_kind_and_title_and_no_more(
    choose: Any, tell: Tell, mail_server: MailServer
) -> None:
    choose()
    notice = tell(title="Accrual\r\nBcc: x@example.com")
    message = sent(Message.objects.get())
    assert (message.status, message.error) == ("sent", "")
    (mail,) = mail_server.mails
    assert mail_server.recipients == ["alice@example.com"]
    assert mail["Subject"] == "FinFlow: Nobody can approve: Accrual Bcc: x@example.com"
    assert mail["Message-ID"] == f"<message-{message.pk}@finflow.example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    text = mail.get_content()
    assert "https://finflow.example.com/messages/open/" in text
    assert "https://finflow.example.com/messages/" in text
    assert f"/approvals/{notice.request_id}" not in text
    assert "Alice" not in text


def test_a_mail_about_a_waiver_leads_to_the_waivers_and_names_nobody(
    choose: Any, client: Client, person: Any, entity: Any, bob: Any, mail_server: MailServer
) -> None:
    connie, carl = (person(name, "controller", on=entity) for name in ("connie", "carl"))
    choose(carl)
    choose(connie)
    today = timezone.localdate(timezone=entity.zone)
    propose_waiver(
        entity_id=entity.pk,
        person_id=bob.pk,
        item_type="journal_entry",
        reason="Two of us are ill.",
        compensating_control="Otto looks at each.",
        starts_on=today,
        ends_on=today,
        actor=connie,
    )
    sent(Message.objects.get())
    (mail,) = mail_server.mails
    assert mail_server.recipients == ["carl@example.com"]
    title = "A waiver waits for a second signature: Waiver for journal entry"
    assert mail["Subject"] == f"FinFlow: {title}"
    text = mail.get_content()
    assert "https://finflow.example.com/approvals/controls/waivers/" in text
    assert "Bob" not in text
    assert "ill" not in text
    client.force_login(carl)
    page = client.get(reverse("outbound:messages")).content.decode()
    assert "Waiver for journal entry" in page


def test_without_a_site_there_is_no_link(
    choose: Any, tell: Tell, mail_server: MailServer, settings: Any
) -> None:
    settings.SITE_URL = ""
    choose()
    tell()
    sent(Message.objects.get())
    text = mail_server.mails[0].get_content()
    assert "Sign in and look under Approvals." in text
    assert "http" not in text


def test_slack_gets_the_same_words(choose: Any, tell: Tell, slack: Receiver) -> None:
    choose(by_email=False, by_slack=True, slack_url=SLACK)
    tell(title="Bank <!channel> & *more*")
    assert sent(Message.objects.get()).status == "sent"
    (got,) = slack.got
    assert got.path == "/hook/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7"
    body = got.body.decode()
    assert "Bank &lt;!channel&gt; &amp; *more*" in body
    assert "<!channel>" not in body
    assert "https://finflow.example.com/messages/open/" in body
    assert "github" not in body
    assert json.loads(body)["mrkdwn"] is False


@pytest.mark.parametrize("status", [302, 403, 404, 500])
def test_what_slack_does_not_take_is_tried_again_and_given_up(
    choose: Any, tell: Tell, slack: Receiver, status: int
) -> None:
    slack.status, slack.headers = status, {"Location": slack.url}
    choose(by_email=False, by_slack=True, slack_url=SLACK)
    tell()
    message = Message.objects.get()
    for count in range(1, MOST_MESSAGE_TRIES + 1):
        make_due(message)
        message = sent(message)
        assert (message.try_count, bool(message.error)) == (count, True)
    assert message.status == "given_up"
    make_due(message)
    sent(message)
    assert len(slack.got) == MOST_MESSAGE_TRIES
    assert "TIiajkd" not in message.error


def test_slack_is_not_reached_where_egress_does_not_allow_it(
    choose: Any, tell: Tell, slack: Receiver, settings: Any
) -> None:
    choose(by_email=False, by_slack=True, slack_url=SLACK)
    tell()
    settings.EGRESS_HOSTS = []
    assert "does not connect to that host" in sent(Message.objects.get()).error
    assert slack.got == []


@pytest.mark.parametrize("verdict", ["451 later", "550 never", ""])
def test_what_the_mail_server_does_not_take_is_tried_again(
    choose: Any, tell: Tell, mail_server: MailServer, verdict: str
) -> None:
    mail_server.verdict = verdict
    choose()
    tell()
    message = sent(Message.objects.get())
    assert (message.status, message.try_count) == ("waiting", 1)
    assert message.error.startswith("The mail server did not take it (")
    assert "alice" not in message.error
    assert timedelta(seconds=40) < message.due_at - timezone.now() < timedelta(seconds=80)
    mail_server.verdict = "250 taken"
    make_due(message)
    message = sent(message)
    assert (message.status, message.error) == ("sent", "")
    assert len({mail["Message-ID"] for mail in mail_server.mails}) == 1


def test_nobody_there(choose: Any, tell: Tell, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    choose()
    tell()
    assert "did not take it" in sent(Message.objects.get()).error


@pytest.mark.parametrize("why", ["left", "no role", "no mail", "never"])
def test_who_may_or_wants_no_more_is_sent_nothing(
    choose: Any, tell: Tell, alice: Any, entity: Any, system: Any, why: str
) -> None:
    choose()
    tell()
    if why == "left":
        alice.__class__.objects.filter(pk=alice.pk).update(is_active=False)
    elif why == "no role":
        revoke_role(user_id=alice.pk, role="preparer", entity_id=entity.pk, actor=system)
    elif why == "no mail":
        choose(by_email=False)
    else:
        MessagePreference.objects.all().delete()
    assert sent(Message.objects.get()).status == "dropped"
    assert mail.outbox == []


def test_the_tasks_do_it(choose: Any, tell: Tell) -> None:
    choose()
    tell()
    tasks.send_message(message_id=Message.objects.get().pk)
    tasks.queue_due_messages()
    assert len(mail.outbox) == 1


def test_what_kills_its_process_each_time_is_given_up(choose: Any, tell: Tell) -> None:
    choose()
    tell()
    message = Message.objects.get()
    for _ in range(MOST_MESSAGE_TRIES):
        make_due(message)
        assert sending._begin(message.pk) is not None
    make_due(message)
    message = sent(message)
    assert message.status == "given_up"
    assert "not known" in message.error


def test_who_comes_too_late_settles_nothing(choose: Any, tell: Tell) -> None:
    choose()
    tell()
    message = sent(Message.objects.get())
    sending._settle(message.pk, "late")
    assert Message.objects.get().status == "sent"


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_sends(choose: Any, tell: Tell, mail_server: MailServer) -> None:
    choose()
    tell()
    message = Message.objects.get()
    sorted_out(race([lambda: send_message(message_id=message.pk)] * 6))
    assert len(mail_server.mails) == 1
    assert Message.objects.get().status == "sent"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_after", [True, False])
def test_killed_on_the_way_it_is_sent_again(
    choose: Any, tell: Tell, slack: Receiver, settings: Any, is_after: bool
) -> None:
    """The killed process asks the real Slack for nothing: its name is not listed there."""
    choose(by_email=False, by_slack=True, slack_url=SLACK)
    tell()
    message = Message.objects.get()
    settings.EGRESS_HOSTS = []
    trap = Trap("apps.outbound.services.sending", "_slack", is_after=is_after)
    die_at(trap, "apps.outbound.services.send_message", message_id=message.pk)
    settings.EGRESS_HOSTS = ["hooks.slack.com", "127.0.0.1"]
    message.refresh_from_db()
    assert (message.status, message.try_count) == ("waiting", 1)
    make_due(message)
    assert queue_due_messages() == 1
    assert sent(message).status == "sent"
    assert len(slack.got) == 1


def test_no_address_and_no_secret_is_logged(
    choose: Any, tell: Tell, slack: Receiver, mail_server: MailServer, caplog: Any
) -> None:
    caplog.set_level(logging.DEBUG, logger="apps")
    choose(by_slack=True, slack_url=SLACK)
    tell(title="Secret title")
    slack.status, mail_server.verdict = 500, "550 alice@example.com is unknown"
    for message in Message.objects.all():
        for _ in range(MOST_MESSAGE_TRIES):
            make_due(message)
            sent(message)
    assert set(Message.objects.values_list("status", flat=True)) == {"given_up"}
    for word in ("alice@", "TIiajkd", "Secret title"):
        assert word not in caplog.text
        assert word not in str(list(OutboxMessage.objects.values_list("arguments", flat=True)))


# --- Links ----------------------------------------------------------------------------------


def path_of(request_id: int) -> str:
    return sending.link_to(request_id).removeprefix("https://finflow.example.com")


def test_a_link_leads_to_the_sign_in_and_signs_nobody_in(tell: Tell) -> None:
    notice = tell()
    visitor = Client()
    first = visitor.get(path_of(notice.request_id), follow=True)
    assert "login" in first.redirect_chain[-1][0]
    assert f"next=/approvals/{notice.request_id}/" in first.redirect_chain[-1][0]
    assert "_auth_user_id" not in visitor.session


def test_who_is_signed_in_comes_to_the_request_and_others_find_nothing(
    tell: Tell, alice: Any, charlie: Any
) -> None:
    notice = tell()
    for person, status in ((alice, 200), (charlie, 404)):
        visitor = Client(raise_request_exception=False)
        visitor.force_login(person)
        answer = visitor.get(path_of(notice.request_id), follow=True)
        assert answer.status_code == status
    notice.request.refresh_from_db()
    assert (notice.request.status, notice.request.version) == ("pending", 1)


def test_a_link_ends_after_seven_days(tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    path = path_of(tell().request_id)
    later = signing.time.time() + 7 * 24 * 3600 + 5
    monkeypatch.setattr(signing.time, "time", lambda: later)
    answer = Client(raise_request_exception=False).get(path)
    assert answer.status_code == 410
    assert "This link has expired." in answer.content.decode()


@pytest.mark.parametrize("change", ["x", "xx:yy:zz", "{}x"])
def test_a_forged_link_leads_nowhere(tell: Tell, change: str) -> None:
    token = path_of(tell().request_id).split("/")[-2]
    forged = change.format(token)
    answer = Client(raise_request_exception=False).get(f"/messages/open/{forged}/")
    assert answer.status_code == 404


def test_what_was_signed_for_something_else_is_no_link() -> None:
    token = signing.TimestampSigner(salt="other").sign_object(1)
    answer = Client(raise_request_exception=False).get(f"/messages/open/{token}/")
    assert answer.status_code == 404


# --- Doors ----------------------------------------------------------------------------------


class TestRest:
    PREFERENCE, MESSAGES = "/api/messages/preference", "/api/messages"

    def test_it_is_chosen_and_looked_at_without_the_secret(self, api: Any, alice: Any) -> None:
        client = api(alice)
        assert client.get(self.PREFERENCE).json() == {
            "by_email": False,
            "by_slack": False,
            "has_slack_url": False,
            "rhythm": "at_once",
            "digest_hour": 8,
            "time_zone": "UTC",
        }
        given = {
            "by_email": True,
            "by_slack": True,
            "slack_url": SLACK,
            "rhythm": "daily",
            "digest_hour": 7,
            "time_zone": "Europe/Amsterdam",
        }
        answer = client.put(self.PREFERENCE, given, format="json")
        assert answer.status_code == 200, answer.content
        expected = {**given, "has_slack_url": True}
        del expected["slack_url"]
        assert answer.json() == client.get(self.PREFERENCE).json() == expected

    @pytest.mark.parametrize(
        "given",
        [
            {},
            {"by_email": True, "by_slack": True},
            {"by_email": True, "by_slack": False, "person": 1},
            {"by_email": True, "by_slack": False, "digest_hour": 24},
            {"by_email": True, "by_slack": False, "time_zone": "x"},
            {"by_email": "perhaps", "by_slack": False},
        ],
    )
    def test_what_is_refused(self, api: Any, alice: Any, given: Any, table_counts: Any) -> None:
        before = table_counts()
        answer = api(alice).put(self.PREFERENCE, given, format="json")
        assert answer.status_code == 422, answer.content
        assert table_counts() == before

    @pytest.mark.parametrize(("who", "status"), [("ada", 403), ("victor", 403), ("bob", 200)])
    def test_who_may(self, request: Any, api: Any, who: str, status: int) -> None:
        client = api(request.getfixturevalue(who))
        given = {"by_email": True, "by_slack": False}
        assert client.get(self.PREFERENCE).status_code == status
        assert client.put(self.PREFERENCE, given, format="json").status_code == status
        assert client.get(self.MESSAGES).status_code == status
        assert api().get(self.PREFERENCE).status_code == 401

    def test_messages_are_ones_own(
        self, api: Any, choose: Any, tell: Tell, alice: Any, bob: Any
    ) -> None:
        choose()
        notice = tell()
        (seen,) = api(alice).get(self.MESSAGES).json()["results"]
        assert (seen["channel"], seen["notices"]) == ("email", [notice.pk])
        assert api(bob).get(self.MESSAGES).json()["results"] == []
        assert api(alice).get(f"{self.MESSAGES}?status=sent").json()["results"] == []


class TestPage:
    def visit(self, person: Any) -> Client:
        visitor = Client(raise_request_exception=False)
        visitor.force_login(person)
        return visitor

    def test_it_is_chosen_on_a_page(self, alice: Any, tell: Tell) -> None:
        client = self.visit(alice)
        assert "You are told here alone" in client.get("/messages/").content.decode()
        given = {
            "by_email": "on",
            "by_slack": "on",
            "slack_url": SLACK,
            "rhythm": "daily",
            "digest_hour": "7",
            "time_zone": "Europe/Amsterdam",
        }
        assert client.post("/messages/", given).status_code == 302
        tell(title="Accrual of fees")
        page = client.get("/messages/").content.decode()
        assert "Accrual of fees" in page
        assert SLACK not in page
        assert client.post("/messages/", given | {"slack_url": ""}).status_code == 302
        assert MessagePreference.objects.get().slack_url == SLACK

    @pytest.mark.parametrize(
        "change",
        [{"slack_url": "https://example.com/"}, {"time_zone": "x"}, {"rhythm": ""}],
    )
    def test_what_is_refused_comes_back(self, alice: Any, change: Any) -> None:
        given = {"by_email": "on", "rhythm": "daily", "digest_hour": "7", "time_zone": "UTC"}
        answer = self.visit(alice).post("/messages/", given | change)
        assert answer.status_code == 422
        assert not MessagePreference.objects.exists()

    def test_who_gets_in(self, ada: Any) -> None:
        assert self.visit(ada).get("/messages/").status_code == 403
        assert self.visit(ada).post("/messages/", {}).status_code == 403
        assert Client().get("/messages/").status_code == 302

    def test_what_one_may_no_longer_see_is_not_told(
        self, choose: Any, tell: Tell, alice: Any, entity: Any, other_entity: Any, system: Any
    ) -> None:
        from apps.identity.services import grant_role

        choose()
        tell(title="Accrual of fees")
        grant_role(user_id=alice.pk, role="preparer", entity_id=other_entity.pk, actor=system)
        revoke_role(user_id=alice.pk, role="preparer", entity_id=entity.pk, actor=system)
        page = self.visit(alice.__class__.objects.get(pk=alice.pk)).get("/messages/")
        assert "Accrual of fees" not in page.content.decode()
