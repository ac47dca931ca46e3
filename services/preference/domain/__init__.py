"""What recipients, categories and preferences are, and how a plan is decided: pure."""
