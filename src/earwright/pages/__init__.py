"""Pages for a browser, one self-contained file each: drawings, tables, and clips to listen to."""
