from django.urls import include, path
from rest_framework.routers import SimpleRouter

from apps.approvals.api.absence import DelegationView, LeaveView
from apps.approvals.api.controls import ControlView
from apps.approvals.api.evidence import AttachmentView
from apps.approvals.api.hours import HoursView
from apps.approvals.api.limits import LimitView, RateView
from apps.approvals.api.notices import NoticeView
from apps.approvals.api.policies import PolicyView
from apps.approvals.api.requests import RequestView
from apps.approvals.api.waivers import WaiverView
from apps.approvals.views import (
    absence,
    bulk,
    consulting,
    could,
    decision,
    duties,
    ending,
    evidence,
    hours,
    lists,
    notices,
    policies,
    quality,
    reassigning,
    simulation,
    waivers,
)

app_name = "approvals"

router = SimpleRouter(trailing_slash=False)
router.register("requests", RequestView, basename="approvals-request")
router.register("attachments", AttachmentView, basename="approvals-attachment")
router.register("policies", PolicyView, basename="approvals-policy")
router.register("limits", LimitView, basename="approvals-limit")
router.register("rates", RateView, basename="approvals-rate")
router.register("leaves", LeaveView, basename="approvals-leave")
router.register("hours", HoursView, basename="approvals-hours")
router.register("delegations", DelegationView, basename="approvals-delegation")
router.register("notices", NoticeView, basename="approvals-notice")
router.register("waivers", WaiverView, basename="approvals-waiver")
router.register("controls", ControlView, basename="approvals-control")

urlpatterns = [
    path("approvals/", lists.inbox, name="inbox"),
    path("approvals/bulk/", bulk.bulk_page, name="bulk"),
    path("approvals/mine/", lists.mine, name="mine"),
    path("approvals/all/", lists.everything, name="everything"),
    path("approvals/notices/", notices.notices_page, name="notices"),
    path("approvals/away/", absence.away_page, name="away"),
    path("approvals/away/leave/", absence.leave_page, name="leave"),
    path(
        "approvals/away/leave/<int:leave_id>/cancel/",
        absence.cancel_leave_now,
        name="cancel-leave",
    ),
    path("approvals/away/hours/", hours.hours_page, name="hours"),
    path("approvals/away/hours/<int:hours_id>/end/", hours.end_hours_now, name="end-hours"),
    path("approvals/away/delegate/", absence.delegate_page, name="delegate"),
    path(
        "approvals/away/delegations/<int:delegation_id>/revoke/",
        absence.revoke_delegation_now,
        name="revoke-delegation",
    ),
    path("approvals/policies/<int:policy_id>/", policies.policy_page, name="policy"),
    path(
        "approvals/policies/<int:policy_id>/simulation/",
        simulation.simulation_page,
        name="simulation",
    ),
    path("approvals/controls/could/", could.could_such_page, name="could-such"),
    path("approvals/controls/duties/", duties.duties_page, name="duties"),
    path("approvals/controls/quality/", quality.quality_page, name="quality"),
    path("approvals/controls/waivers/", waivers.waivers_page, name="waivers"),
    path("approvals/controls/waivers/new/", waivers.propose_page, name="propose-waiver"),
    path("approvals/controls/waivers/<int:waiver_id>/sign/", waivers.sign_now, name="sign-waiver"),
    path(
        "approvals/controls/waivers/<int:waiver_id>/revoke/",
        waivers.revoke_page,
        name="revoke-waiver",
    ),
    path("approvals/<int:request_id>/could/", could.could_page, name="could"),
    path("approvals/<int:request_id>/", decision.request_page, name="request"),
    path("approvals/<int:request_id>/withdraw/", ending.withdraw_page, name="withdraw"),
    path("approvals/<int:request_id>/revoke/", ending.revoke_page, name="revoke"),
    path("approvals/<int:request_id>/reassign/", reassigning.reassign_page, name="reassign"),
    path("approvals/<int:request_id>/consult/", consulting.consult_page, name="consult"),
    path("approvals/questions/<int:consultation_id>/", consulting.answer_page, name="answer"),
    path("approvals/<int:request_id>/evidence/", evidence.attach_page, name="evidence"),
    path("approvals/<int:request_id>/evidence/carry/", evidence.carry_now, name="carry-evidence"),
    path("approvals/evidence/<int:attachment_id>/", evidence.content, name="attachment"),
    path("api/approvals/", include(router.urls)),
]
