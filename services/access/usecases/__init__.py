"""What access does, one verb per file."""
