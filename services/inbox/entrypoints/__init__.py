"""The gRPC services of inbox, and the listener for hints."""
