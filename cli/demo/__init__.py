"""What `run` and `demo` share: a tenant with data, and one notification that is seen to arrive."""
