"""The commands, one module per resource. Each parses, asks the server and shows its answer."""
