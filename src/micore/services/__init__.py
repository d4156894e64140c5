"""Use cases: a verb each, one transaction each; the only place where the families meet."""
