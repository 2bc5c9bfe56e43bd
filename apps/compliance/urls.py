from django.urls import include, path
from rest_framework.routers import SimpleRouter

from apps.compliance import api, views

app_name = "compliance"

router = SimpleRouter(trailing_slash=False)
router.register("controls", api.ControlView, basename="compliance-control")
router.register("packages", api.PackageView, basename="compliance-package")

urlpatterns = [
    path("evidence/", views.packages_page, name="packages"),
    path("evidence/<int:package_id>/", views.package_page, name="package"),
    path("evidence/<int:package_id>/document/", views.document, name="document"),
    path("api/compliance/", include(router.urls)),
]
