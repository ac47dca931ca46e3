"""Between messages and the domain of tracking."""
