"""What holds for all tests."""

from __future__ import annotations

import os

# Read when grpc is first imported. Children of tests become another program at once; gRPC's own doings
# after a fork abort them now and then while this process serves.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
