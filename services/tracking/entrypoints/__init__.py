"""How tracking is reached: its RPCs and its consumer of events."""
