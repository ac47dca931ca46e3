"""What tracking does, one verb per file."""
