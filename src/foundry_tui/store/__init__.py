"""Tables, queries, migrations and seed loading: the only room that knows SQLAlchemy."""
