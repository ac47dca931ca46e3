"""How dispatch is reached: its RPCs and its consumers of work."""
