from django.urls import include, path
from rest_framework.routers import SimpleRouter

from apps.audit.api import EventView

router = SimpleRouter(trailing_slash=False)
router.register("events", EventView, basename="audit-event")

urlpatterns = [path("api/audit/", include(router.urls))]
