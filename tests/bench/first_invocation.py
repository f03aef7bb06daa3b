"""Runs inside an image, on the standard library: the CPU of fresh processes, in turn.

A case is a command, with nothing else a process that ends by itself; with events, it is a function whose process is
given one event by a Runtime API on loopback, and ended when it has answered. What is printed is, by case, the median of
CPU seconds, user and system, and the largest resident size in MB.
"""

import json
import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue
from statistics import median
from threading import Thread


class RuntimeApi(ThreadingHTTPServer):
    """Gives the one event, then nothing; the answer is in ``answers``."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = SimpleQueue()
        Thread(target=self.serve_forever, daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    """GET .../next, POST .../response or .../error."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self):
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", "first")
        self.send_header("Lambda-Runtime-Deadline-Ms", str(int(time.time() + 60) * 1_000))
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:local:000000000000:function:bench")
        self.finish_with(self.server.events.get())  # type: ignore[attr-defined]

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.answers.put((self.path, body))  # type: ignore[attr-defined]
        self.send_response(202)
        self.finish_with(b"")

    def finish_with(self, body):
        # The runtime client falls over an answer without one.
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_arguments):
        """Say nothing."""


def used(case, run, api):
    """User and system seconds of a fresh process, and its largest resident size in MB."""
    environ = os.environ | case["environment"][run] | {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_port}"}
    # What the last process still waits for, nobody else may take.
    api.events = SimpleQueue()
    child = os.posix_spawn(sys.executable, [sys.executable, *case["command"]], environ)
    if "events" in case:
        api.events.put(json.dumps(case["events"][run]).encode())
        path, body = api.answers.get(timeout=30)
        os.kill(child, signal.SIGKILL)
        assert path.endswith("/response"), body
        assert not (json.loads(body) or {}).get("batchItemFailures"), body
    _, status, usage = os.wait4(child, 0)
    assert "events" in case or status == 0, case
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1_024


def main(plan):
    times = {name: [] for name in plan["cases"]}
    api = RuntimeApi()
    for run in range(plan["runs"]):
        for name, case in plan["cases"].items():
            times[name].append(used(case, run, api))
    # The first run reads the files into memory.
    print(json.dumps({name: cpu_and_peak(usages[1:]) for name, usages in times.items()}))


def cpu_and_peak(usages):
    return median(cpu for cpu, _ in usages), max(mb for _, mb in usages)


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
