"""PostgreSQL, Valkey and a mail sink from wheels, in one private directory.

This module stays empty: the supervisor process imports the package and must load the standard
library only. Import `data_directory`, `parts` and `smtp_sink` by name.
"""
