"""What preference does, one verb per file."""
