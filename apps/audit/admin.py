from django.contrib import admin

from apps.audit.models import Event
from apps.audit.permissions import VIEW_EVENTS
from apps.common.admin import WindowAdmin


@admin.register(Event)
class EventAdmin(WindowAdmin):
    view_permission = VIEW_EVENTS
    list_display = ("id", "occurred_at", "actor", "action", "subject_type", "subject_id", "entity")
    list_filter = ("action", "entity")
    search_fields = ("subject_id", "request_id")
    list_select_related = ("actor", "entity")
    date_hierarchy = "occurred_at"
    exclude = ("canonical",)
