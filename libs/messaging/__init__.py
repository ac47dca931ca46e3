"""Messaging: the broker port, its topology, and the in-process broker."""
