"""Protobuf messages, cursors, page tokens and hints to domain objects and back, in pairs."""
