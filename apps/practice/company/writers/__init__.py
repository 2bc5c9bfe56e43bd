"""One module per file format; each turns a month of the company into the bytes of a file."""
