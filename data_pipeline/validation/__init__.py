"""Under construction: see the modules of this package."""
