"""The tables of dispatch."""
