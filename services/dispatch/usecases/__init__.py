"""What dispatch does, one verb per file."""
