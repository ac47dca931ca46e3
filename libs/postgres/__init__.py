"""PostgreSQL: pools, named queries, migrations, transactions and process incarnations."""
