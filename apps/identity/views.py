"""Where people arrive, and which entity they look at."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from apps.common.errors import NotVisible
from apps.common.navigation import navigation
from apps.identity.context import actor_of, view_entity


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """To the first page of the main menu that the person may open.

    That is the close board for whoever works on a close, else the inbox, and so on. Those who
    have no page there go to the administration; those without any role read what to do.
    """
    user = actor_of(request)
    pages = navigation(request)["nav_items"]
    if pages:
        return redirect(pages[0]["url"])
    if user.is_staff:
        return redirect("admin:index")
    return render(request, "identity/no_page.html", {"has_role": bool(user.roles_on())})


@require_POST
@login_required
def choose_entity(request: HttpRequest) -> HttpResponse:
    """Show another entity from now on, and go back to the page that was open.

    Raises:
        NotVisible: no such entity for this person.
    """
    if not view_entity(request, request.GET.get("code", "")):
        raise NotVisible
    back = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(
        back, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return redirect(back if is_ours else "identity:home")
