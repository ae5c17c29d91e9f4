"""An S3 server on 127.0.0.1 that fails on purpose: moto's, with 500s and cut connections before and after the work.

python -m benchmarks.faulty_s3 --faults 0.2     # prints its address; export AWS_ENDPOINT_URL with it

A failure *after* the work is the hard one: the object is there, and the writer is not told.
"""

import argparse
import logging
import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

KINDS = ("500 before", "500 after", "cut before", "cut after", "cut within the body")
BUCKET = "art"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "anybody",
    "AWS_SECRET_ACCESS_KEY": "anything",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
ERROR = b"<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>"


class Faulty:
    """WSGI middleware: every request fails with probability `share`, in one of the ways."""

    def __init__(self, share: float, seed: int = 0) -> None:
        self.app = DomainDispatcherApplication(create_backend_app)
        self.share, self.injected = share, dict.fromkeys(KINDS, 0)
        self.requests = 0
        self.next: list[str | None] = []  # for the next requests, before chance decides
        self._random, self._lock, self._creating = random.Random(seed), threading.Lock(), threading.Lock()

    def __call__(self, environ, start_response):
        kind = self._draw()
        if kind == "500 before":
            return _error(environ, start_response)
        if kind == "cut before":
            return _cut(environ)
        status, headers, body = self._answer(environ)
        if kind == "500 after":
            return _error(environ, start_response)
        if kind == "cut after":
            return _cut(environ)
        start_response(status, headers)
        if kind == "cut within the body" and len(body) > 1:
            return _cut_within(environ, body)
        return [body]

    def _draw(self) -> str | None:
        with self._lock:
            self.requests += 1
            by_chance = self._random.choice(KINDS) if self._random.random() < self.share else None
            kind = self.next.pop(0) if self.next else by_chance
            if kind is not None:
                self.injected[kind] += 1
            return kind

    def _answer(self, environ) -> tuple[str, list, bytes]:
        answer = []
        conditional = "HTTP_IF_NONE_MATCH" in environ
        with self._creating if conditional else _nothing():  # moto looks and then writes, S3 does both at once
            chunks = self.app(environ, lambda status, headers, *_: answer.extend([status, headers]))
            body = b"".join(chunks)
        return answer[0], answer[1], body


def _error(environ, start_response) -> list[bytes]:
    start_response("500 Internal Server Error", [("Content-Type", "text/xml"), ("Content-Length", str(len(ERROR)))])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [ERROR]


def _cut(environ) -> list[bytes]:
    with suppress(OSError):
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError


def _cut_within(environ, body: bytes) -> Iterator[bytes]:
    yield body[: len(body) // 2]
    _cut(environ)


@contextmanager
def _nothing():
    yield


class _Quiet(WSGIRequestHandler):
    def log(self, *_) -> None: ...


@contextmanager
def serving(faults: float = 0.0, seed: int = 0) -> Iterator[tuple[str, Faulty]]:
    """(Address, the middleware) of a server in a thread of this process, with an empty bucket `art`."""
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    faulty = Faulty(0.0, seed)
    server = make_server("127.0.0.1", 0, faulty, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    _make_bucket(url)
    faulty.share = faults
    try:
        yield url, faulty
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _make_bucket(url: str) -> None:
    import boto3

    keys = {name.lower(): CREDENTIALS[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    boto3.client("s3", endpoint_url=url, region_name="us-east-1", **keys).create_bucket(Bucket=BUCKET)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=float, default=0.0, help="share of requests that fail")
    with serving(parser.parse_args().faults) as (address, _):
        for name, value in CREDENTIALS.items():
            print(f"export {name}={value}")
        print(f"export AWS_ENDPOINT_URL={address}  # bucket: s3://{BUCKET}", flush=True)
        threading.Event().wait()
