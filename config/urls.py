"""Every door: each app lists its own pages and REST paths."""

from importlib.util import find_spec

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    *(
        path("", include(f"{app}.urls"))
        for app in settings.PRODUCT_APPS
        if find_spec(f"{app}.urls")
    ),
]

handler400 = "apps.operations.views.bad_request"
handler403 = "apps.operations.views.permission_denied"
handler404 = "apps.operations.views.page_not_found"
handler500 = "apps.operations.views.server_error"
