"""What template does, one verb per file."""
