"""The family of marketplaces: a module each, registered by entry point."""
