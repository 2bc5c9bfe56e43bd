"""The admin is a window: it shows what the actor may see and changes only through services."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import get_fields_from_path
from django.core.exceptions import EmptyResultSet
from django.db import models
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline
from unfold.views import ChangeList

from apps.common.errors import Refusal
from apps.common.forms import complain

if TYPE_CHECKING:  # the stubs' form is generic, Django's is not
    _Form = forms.ModelForm[Any]
else:
    _Form = forms.ModelForm


class ServiceForm(_Form):
    """An admin form that one service call carries out.

    Only the service knows whether its input is acceptable: it is called as soon as the fields
    themselves are in order, and its refusal becomes an error of the form. Django's own
    validation and saving of the instance are left out.
    """

    actor: ClassVar[Any] = None  # set by `ServiceAdmin`

    def carry_out(self, facts: dict[str, Any]) -> models.Model:
        """Call the service with the cleaned fields; returns the row that it made."""
        raise NotImplementedError

    def _post_clean(self) -> None:
        if self.errors:
            return
        try:
            self.instance = self.carry_out(self.cleaned_data)
        except Refusal as refusal:
            complain(self, refusal)

    def save(self, commit: bool = True) -> Any:
        """The row is saved already."""
        return self.instance

    def save_m2m(self) -> None:
        """The service has saved everything."""


class WindowInline(TabularInline):
    """Rows below the row that they belong to, to look at: who sees that one sees them."""

    can_delete = False
    extra = 0

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class VisibleRowsFilter(admin.RelatedFieldListFilter):
    """Offers the rows that the actor may see: names of other companies are no choices."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        visible = field.related_model._default_manager.visible_to(request.user)
        return field.get_choices(
            include_blank=False,
            ordering=self.field_admin_ordering(field, request, model_admin),
            limit_choices_to={"pk__in": visible.values("pk")},
        )


class SoundChangeList(ChangeList):
    """A list whose filters are tried while they can still be refused: a year 99999 is no date."""

    def get_queryset(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        found = super().get_queryset(request, *args, **kwargs)
        try:
            str(found.query)
        except EmptyResultSet:
            return found
        except (ValueError, OverflowError) as error:
            raise IncorrectLookupParameters(error) from error
        return found


class WindowAdmin(ModelAdmin):
    """Read-only by default; rows scoped to the actor.

    Set `view_permission`; set `add_permission` / `change_permission` and override `save_model`
    with one service call where something may be changed. Nothing is ever deleted here.
    """

    view_permission: ClassVar[str]
    add_permission: ClassVar[str | None] = None
    change_permission: ClassVar[str | None] = None
    list_per_page = 50
    show_full_result_count = False
    list_fullwidth = True

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        queryset: Any = super().get_queryset(request)
        return queryset.visible_to(request.user)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return SoundChangeList

    def get_list_filter(self, request: HttpRequest) -> Any:
        return [
            (name, VisibleRowsFilter) if self._leads_to_scoped_rows(name) else name
            for name in super().get_list_filter(request)
        ]

    def _leads_to_scoped_rows(self, name: Any) -> bool:
        if not isinstance(name, str):
            return False
        related = get_fields_from_path(self.model, name)[-1].related_model
        return related is not None and hasattr(related._default_manager, "visible_to")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may(request, self.view_permission)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.add_permission is not None and _may(request, self.add_permission)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.change_permission is not None and _may(request, self.change_permission)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is not None and not self.has_change_permission(request, obj):
            return [field.name for field in self.model._meta.fields]
        return super().get_readonly_fields(request, obj)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        raise NotImplementedError(f"{type(self).__name__} changes nothing by itself")


class ServiceAdmin(WindowAdmin):
    """A window in which rows are added through `add_form`, a `ServiceForm`."""

    add_form: ClassVar[type[ServiceForm]]
    add_fields: ClassVar[Any] = None  # how the form is laid out, if not as its fields come

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is not None:
            return super().get_fields(request, obj)
        return self.add_fields or self.add_form.Meta.fields  # type: ignore[attr-defined]

    def has_manage_permission(self, request: HttpRequest) -> bool:
        """For actions with `permissions=["manage"]`: who adds rows also takes them out of force."""
        return self.has_add_permission(request)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if obj is not None:
            return super().get_form(request, obj, change=change, **kwargs)
        form = super().get_form(request, obj, change=change, **{"form": self.add_form, **kwargs})
        form.actor = request.user
        return form

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The form's service has saved it."""


def run_each(
    request: HttpRequest, rows: Iterable[Any], service: Callable[[Any], Any], *, done: str
) -> None:
    """An admin action over rows: one service call each, one message each that was refused.

    Args:
        service: called with the row; a `Refusal` becomes an error message naming the row.
        done: past participle for the success message ("3 posted").
    """
    succeeded = 0
    for row in rows:
        try:
            service(row)
        except Refusal as refusal:
            messages.error(request, f"{row}: {refusal.words}")
        else:
            succeeded += 1
    if succeeded:
        messages.success(request, f"{succeeded} {done}.")


def service_action(
    service: Callable[..., Any],
    id_name: str,
    description: str,
    *,
    done: str,
    permission: str = "manage",
) -> Callable[..., None]:
    """An admin action that calls a service for each selected row, in the order they were written.

    Args:
        service: called with the row's id, by this name, and the actor.
        done: see `run_each`.
        permission: who is offered it: `has_…_permission` of the window.
    """

    @admin.action(description=description, permissions=[permission])
    def act(window: ModelAdmin, request: HttpRequest, rows: models.QuerySet[Any]) -> None:
        run_each(
            request,
            rows.order_by("pk"),
            lambda row: service(**{id_name: row.pk, "actor": request.user}),
            done=done,
        )

    return act


def _may(request: HttpRequest, permission: str) -> bool:
    user: Any = request.user
    return bool(user.is_active and user.is_authenticated and user.may(permission))
