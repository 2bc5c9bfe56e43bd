"""Whether a queued message may still be tried."""

from typing import Final

# A message that was handed to the broker this often and never finished is set aside for people.
MOST_ATTEMPTS: Final = 3
