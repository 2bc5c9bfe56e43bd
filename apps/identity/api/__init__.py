"""REST: signing in (/auth/...), and who is who (/api/identity/...)."""
