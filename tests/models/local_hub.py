"""A hub on this machine: one good repository, and others that the real one would refuse, each in its own way."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

REFUSED = {
    "owner/gated": (403, "GatedRepo"),
    "owner/private": (401, "RepoNotFound"),
    "owner/missing": (404, "RepoNotFound"),
    "owner/broken": (503, ""),
    "owner/busy": (429, ""),
}


@dataclass
class LocalHub:
    """What it serves (``owner/good`` at ``commit``, from ``folder``), where, and what it was asked."""

    folder: Path
    commit: str
    url: str = ""
    asked: list[str] = field(default_factory=list)


@contextmanager
def serve(hub: LocalHub) -> Iterator[LocalHub]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hub.asked.append(f"{self.command} {self.path}")
            self._answer(body=self.command == "GET")

        do_HEAD = do_GET  # noqa: N815

        def _answer(self, body: bool) -> None:
            for name, (status, code) in REFUSED.items():
                if name in self.path:
                    return self._send(status, b"", {"X-Error-Code": code} if code else {}, body)
            if self.path.startswith("/api/models/owner/good/revision/"):
                known = self.path.rpartition("/")[2] in ("main", hub.commit)
                answer = json.dumps({"id": "owner/good", "sha": hub.commit}).encode()
                return self._send(200, answer, {}, body) if known else self._missing("RevisionNotFound", body)
            if self.path.startswith(f"/api/models/owner/good/tree/{hub.commit}"):
                listed = [
                    {"type": "file", "path": path.name, "size": path.stat().st_size, "oid": "0" * 40}
                    for path in sorted(hub.folder.iterdir())
                ]
                return self._send(200, json.dumps(listed).encode(), {}, body)
            path = hub.folder / self.path.split("?")[0].rpartition("/")[2]
            if not self.path.startswith("/owner/good/resolve/") or not path.is_file():
                return self._missing("EntryNotFound", body)
            data = path.read_bytes()
            return self._send(200, data, {"ETag": f'"{sha256(data).hexdigest()}"'}, body)

        def _missing(self, code: str, body: bool) -> None:
            self._send(404, b"", {"X-Error-Code": code}, body)

        def _send(self, status: int, data: bytes, headers: dict[str, str], body: bool) -> None:
            self.send_response(status)
            for name, value in {**headers, "X-Repo-Commit": hub.commit, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            if body:
                self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
