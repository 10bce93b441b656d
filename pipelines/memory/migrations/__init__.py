"""Steps by which the tables of older versions become those of this one, one module each in `versions` (alembic)."""
