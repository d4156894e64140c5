"""HTTP, and nothing but HTTP: no SQL and no business rule."""
