"""Pages: the inbox and other lists, and the page on which somebody decides."""
