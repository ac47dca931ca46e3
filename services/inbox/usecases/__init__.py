"""What inbox does, one verb per file; and the hub, where open streams are found."""
