"""A mail server to which no recipient is good enough, in a thread."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_ANSWERS = {
    b"RCPT": b"550 5.1.1 no such mailbox here",
    b"QUIT": b"221 bye",
}


class _Refusing(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self._say(b"220 here")
        for line in self.rfile:
            verb = line[:4].upper()
            self._say(_ANSWERS.get(verb, b"250 fine"))
            if verb == b"QUIT":
                return

    def _say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")


@contextmanager
def refusing_mail_server() -> Iterator[str]:
    """Gives its URL."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Refusing) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
        try:
            yield f"smtp://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
