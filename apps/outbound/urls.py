from django.urls import include, path
from rest_framework.routers import SimpleRouter

from apps.outbound.api.deliveries import DeliveryView
from apps.outbound.api.endpoints import EndpointNoticeView, EndpointView
from apps.outbound.api.messages import MessageView, PreferenceView
from apps.outbound.views import endpoints, messages

app_name = "outbound"

router = SimpleRouter(trailing_slash=False)
router.register("endpoints", EndpointView, basename="webhooks-endpoint")
router.register("deliveries", DeliveryView, basename="webhooks-delivery")
router.register("notices", EndpointNoticeView, basename="webhooks-notice")

message_router = SimpleRouter(trailing_slash=False)
message_router.register("messages", MessageView, basename="messages")

urlpatterns = [
    path("messages/", messages.messages_page, name="messages"),
    path("messages/open/<str:token>/", messages.open_link, name="open-link"),
    path("api/messages/preference", PreferenceView.as_view(), name="message-preference"),
    path("api/", include(message_router.urls)),
    path("webhooks/", endpoints.endpoints_page, name="endpoints"),
    path("webhooks/notices/read/", endpoints.read_notices, name="read-notices"),
    path("webhooks/<int:endpoint_id>/", endpoints.endpoint_page, name="endpoint"),
    path("webhooks/<int:endpoint_id>/rotate/", endpoints.rotate, name="rotate"),
    path("webhooks/<int:endpoint_id>/off/", endpoints.off, name="off"),
    path("webhooks/<int:endpoint_id>/on/", endpoints.on, name="on"),
    path("webhooks/<int:endpoint_id>/retire/", endpoints.retire, name="retire"),
    path("webhooks/deliveries/<int:delivery_id>/", endpoints.delivery_page, name="delivery"),
    path("webhooks/deliveries/<int:delivery_id>/resend/", endpoints.resend, name="resend"),
    path("api/webhooks/", include(router.urls)),
]
