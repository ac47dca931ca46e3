"""What a notification is and which ones are acceptable: pure values and rules."""
