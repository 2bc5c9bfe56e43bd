"""REST: endpoints and what is sent to them."""
