from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView
from rest_framework.routers import SimpleRouter

from apps.identity import views
from apps.identity.api.accounts import Register, ResetPassword
from apps.identity.api.people import EntityView, MeView, UserView
from apps.identity.api.second_factor import SetupSecondFactor, VerifySecondFactor
from apps.identity.api.sign_in import Login, Logout, Refresh

router = SimpleRouter(trailing_slash=False)
router.register("entities", EntityView, basename="entity")
router.register("users", UserView, basename="user")

_ours: list[URLPattern | URLResolver] = [
    path("", views.home, name="home"),
    path("entity-in-view/", views.choose_entity, name="view-entity"),
    path("auth/login", Login.as_view(), name="login"),
    path("auth/logout", Logout.as_view(), name="logout"),
    path("auth/register", Register.as_view({"post": "create"}), name="register"),
    path("auth/reset-password", ResetPassword.as_view(), name="reset-password"),
    path("auth/token/refresh", Refresh.as_view(), name="refresh"),
    path("auth/mfa/setup", SetupSecondFactor.as_view(), name="mfa-setup"),
    path("auth/mfa/verify", VerifySecondFactor.as_view(), name="mfa-verify"),
    path("api/identity/me", MeView.as_view(), name="me"),
    path("api/identity/", include(router.urls)),
]

urlpatterns = [
    path("", include((_ours, "identity"))),
    # An address is changed by an administrator: it receives the links that reset passwords.
    path("accounts/email/", RedirectView.as_view(pattern_name="mfa_index")),
    path("accounts/", include("allauth.urls")),
]
