"""The tables of templates and their versions."""
