"""Who is calling: the caller that a credential proves, and the check of credentials."""
