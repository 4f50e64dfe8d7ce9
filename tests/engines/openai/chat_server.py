"""A chat endpoint on this machine, answering as a test wants it: ``answer(request, attempt)`` per request."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Answer:
    """What goes back: a status, a body (str as it is, else as JSON) and headers; ``drop`` closes without a word."""

    body: Any = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False


@dataclass
class Server:
    """What came in, and the most requests that were under way at once."""

    url: str
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    busy: int = 0
    most_busy: int = 0


def chat(*contents: str | None, tokens: int | None = None, finish: str = "stop") -> Answer:
    """A chat completion with these choices."""
    choices = [
        {"index": i, "message": {"role": "assistant", "content": content}, "finish_reason": finish}
        for i, content in enumerate(contents)
    ]
    usage = {} if tokens is None else {"usage": {"prompt_tokens": 1, "completion_tokens": tokens, "total_tokens": 1}}
    return Answer({"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": choices, **usage})


@contextmanager
def serving(answer: Callable[[dict[str, Any], int], Answer]) -> Iterator[Server]:
    """Serve until the block ends. ``answer`` gets the request's JSON and how often the same one came before."""
    lock = threading.Lock()
    seen: Counter[str] = Counter()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            if not text:  # the client went away
                return
            request = json.loads(text)
            with lock:
                attempt = seen[text]
                seen[text] += 1
                server.requests.append(request)
                server.headers.append({name.lower(): value for name, value in self.headers.items()})
                server.paths.append(self.path)
                server.busy += 1
                server.most_busy = max(server.most_busy, server.busy)
            try:
                found = answer(request, attempt)
            finally:
                with lock:
                    server.busy -= 1
            if found.drop:
                self.close_connection = True
                self.connection.close()
                return
            body = (found.body if isinstance(found.body, str) else json.dumps(found.body)).encode()
            with suppress(ConnectionError):  # the client need not wait for it
                self._send(found, body)

        def _send(self, found: Answer, body: bytes) -> None:
            self.send_response(found.status)
            for name, value in {"Content-Type": "application/json", **found.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    server = Server(f"http://127.0.0.1:{http.server_port}/v1")
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
