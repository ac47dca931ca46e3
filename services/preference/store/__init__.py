"""The tables of preference."""
