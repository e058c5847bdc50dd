"""PostgreSQL: the tables' base, the unit of work, and who may see which rows."""
