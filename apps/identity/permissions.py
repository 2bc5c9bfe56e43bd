from typing import Final

from apps.common.roles import ADMINISTRATOR, AUDITOR, CONTROLLER, READERS

VIEW_ENTITIES: Final = "identity.view_entities"
VIEW_USERS: Final = "identity.view_users"
MANAGE_USERS: Final = "identity.manage_users"
MANAGE_ENTITIES: Final = "identity.manage_entities"

HOLDERS = {
    VIEW_ENTITIES: (*READERS, ADMINISTRATOR),
    VIEW_USERS: (ADMINISTRATOR, CONTROLLER, AUDITOR),
    MANAGE_USERS: (ADMINISTRATOR,),
    MANAGE_ENTITIES: (ADMINISTRATOR, CONTROLLER),
}
