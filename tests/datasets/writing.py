"""Data files in every format that is read, and a hub that serves them over HTTP."""

import gzip
import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Row = dict[str, Any]


def write_lines(path: Path, rows: Sequence[Row]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_zipped(path: Path, rows: Sequence[Row]) -> Path:
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    return path


def write_array(path: Path, rows: Sequence[Row]) -> Path:
    path.write_text(json.dumps(rows, indent=1))
    return path


def write_parquet(path: Path, rows: Sequence[Row]) -> Path:
    pq.write_table(pa.Table.from_pylist(list(rows)), path, row_group_size=7)
    return path


def write_stream(path: Path, rows: Sequence[Row]) -> Path:
    """What ``datasets`` writes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(list(rows))
    with path.open("wb") as file, pa.ipc.new_stream(file, table.schema) as out:
        out.write_table(table, max_chunksize=40)
    return path


def write_arrow(path: Path, rows: Sequence[Row]) -> Path:
    table = pa.Table.from_pylist(list(rows))
    with path.open("wb") as file, pa.ipc.new_file(file, table.schema) as out:
        out.write_table(table, max_chunksize=40)
    return path


WRITERS: dict[str, Callable[[Path, Sequence[Row]], Path]] = {
    "a.jsonl": write_lines,
    "a.jsonl.gz": write_zipped,
    "a.json": write_array,
    "lines.json": write_lines,
    "a.parquet": write_parquet,
    "stream.arrow": write_stream,
    "file.arrow": write_arrow,
}


@contextmanager
def hub(repo: str, commit: str, files: dict[str, bytes], breaks: str = "") -> Iterator[tuple[str, list[str]]]:
    """A hub with one data set repository, whose branch ``main`` is at ``commit``; its address, and what it was asked.

    The first connection that asks for the file ``breaks`` breaks in the middle. A request for part of a file
    (``Range``) is answered as the real hub does, so that downloads can be resumed.
    """
    asked: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(repo, commit, files, asked, [breaks]))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(
    repo: str, commit: str, files: dict[str, bytes], asked: list[str], breaks: list[str]
) -> type[BaseHTTPRequestHandler]:
    api, resolve = f"/api/datasets/{repo}", f"/datasets/{repo}/resolve/"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.command} {self.path}")
            path = self.path.split("?")[0]
            if path in (api, f"{api}/revision/main", f"{api}/revision/{commit}"):
                self._json({"id": repo, "sha": commit, "siblings": [{"rfilename": name} for name in files]})
            elif path.startswith(f"{api}/tree/"):
                self._json([_entry(name, data) for name, data in files.items()])
            elif path.startswith(resolve) and path.removeprefix(resolve).split("/", 1)[1] in files:
                self._file(files[path.removeprefix(resolve).split("/", 1)[1]])
            else:
                revision = path.startswith(api)
                self._send(404, b"", {"X-Error-Code": "RevisionNotFound" if revision else "RepoNotFound"})

        do_HEAD = do_GET  # noqa: N815

        def _json(self, value: object) -> None:
            self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

        def _file(self, data: bytes) -> None:
            fields = {"ETag": f'"{_digest(data)}"', "X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
            start = self.headers.get("Range", "").removeprefix("bytes=").split("-")[0]
            if start:
                fields["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            self._send(206 if start else 200, data[int(start or 0) :], fields)

        def _send(self, status: int, body: bytes, fields: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**fields, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET" and any(name and self.path.endswith(name) for name in breaks):
                breaks.clear()
                self.wfile.write(body[: len(body) // 2])
                self.close_connection = True
            elif self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _entry(name: str, data: bytes) -> Row:
    return {"type": "file", "path": name, "size": len(data), "oid": _digest(data)}


def _digest(data: bytes) -> str:
    """The name of content that git has."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
