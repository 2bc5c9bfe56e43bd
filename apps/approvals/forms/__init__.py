"""Forms of the pages and of the admin, by what they are about."""
