"""Joins the service configs that lie beside the contracts into the one that a client's channel takes. Usage: service_config.py OUT"""

import json
import sys
from pathlib import Path

_CHANNEL = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1},
}

if __name__ == "__main__":
    methods: list[object] = []
    for path in sorted(Path("protos").glob("tidings/*/v1/*_grpc_service_config.json")):
        methods += json.loads(path.read_text())["methodConfig"]
    config = {**_CHANNEL, "methodConfig": methods}
    Path(sys.argv[1]).write_text(json.dumps(config, indent=2) + "\n")
