"""The demo people: one for each role, two where a second pair of eyes is needed.

The file holds no passwords; whoever loads it sets them.
"""

from __future__ import annotations

from dataclasses import dataclass

FEED = "erp.integration"
PREPARERS = ("alice.preparer", "bob.preparer")


@dataclass(frozen=True)
class Person:
    """A user of the practice company; the role is one of the product's seven."""

    username: str
    first_name: str
    last_name: str
    role: str

    @property
    def email(self) -> str:
        return f"{self.username}@example.com"


PEOPLE = (
    Person("alice.preparer", "Alice", "Preparer", "preparer"),
    Person("bob.preparer", "Bob", "Preparer", "preparer"),
    Person("rosa.reviewer", "Rosa", "Reviewer", "reviewer"),
    Person("anton.approver", "Anton", "Approver", "approver"),
    Person("amira.approver", "Amira", "Approver", "approver"),
    Person("carla.controller", "Carla", "Controller", "controller"),
    Person("otto.auditor", "Otto", "Auditor", "auditor"),
    Person(FEED, "ERP", "Integration", "integration"),
    Person("ada.administrator", "Ada", "Administrator", "administrator"),
)
