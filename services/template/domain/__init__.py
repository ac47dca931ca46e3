"""What templates are made of, and what holds for them: pure."""
