"""What an inbox is and how its feed is numbered: pure."""
