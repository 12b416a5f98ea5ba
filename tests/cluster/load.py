"""Steady requests from within a pod: piped into `python3 - URL [CONNECTIONS]` there, it sends until its standard input ends,
prints the count as JSON every second, and at the end {"sent": n, "failures": [...], "p50_ms": x, "p99_ms": y}, and
"answered_p99_ms" of those that did not fail.

Half of the connections are kept, as clients with a pool do; the other half make a new one for each request. A request
fails if it has no answer or one that is not 200.
"""

import http.client
import json
import sys
import threading
import time
import urllib.parse


class Sender(threading.Thread):
    def __init__(self, target, keep, stop):
        super().__init__(daemon=True)
        self.target, self.keep, self.stop = target, keep, stop
        self.sent, self.failures, self.milliseconds, self.answered = 0, [], [], []
        self.connection = None

    def ask(self):
        if self.connection is None:
            self.connection = http.client.HTTPConnection(self.target.hostname, self.target.port or 80, timeout=30)
        self.connection.request("GET", (self.target.path or "/") + (f"?{self.target.query}" if self.target.query else ""))
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{answer.status} {body[:120]!r}")
        if not self.keep or answer.will_close:
            self.close()

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def run(self):
        while not self.stop.is_set():
            before = time.monotonic()
            try:
                self.ask()
                self.answered.append((time.monotonic() - before) * 1000)
            except (OSError, http.client.HTTPException, RuntimeError) as error:
                self.failures.append(f"{type(error).__name__}: {error}")
                self.close()
            self.sent += 1
            self.milliseconds.append((time.monotonic() - before) * 1000)
        self.close()


def main():
    target = urllib.parse.urlsplit(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 8
    stop = threading.Event()
    senders = [Sender(target, number % 2 == 0, stop) for number in range(count)]
    for sender in senders:
        sender.start()
    ended = threading.Thread(target=sys.stdin.read, daemon=True)
    ended.start()
    while ended.is_alive():
        ended.join(1)
        print(json.dumps({"sent": sum(s.sent for s in senders), "failed": sum(len(s.failures) for s in senders)}), flush=True)
    stop.set()
    for sender in senders:
        sender.join()
    times = sorted(ms for s in senders for ms in s.milliseconds) or [0.0]
    answered = sorted(ms for s in senders for ms in s.answered) or [0.0]
    result = {
        "sent": sum(s.sent for s in senders),
        "failures": [text for s in senders for text in s.failures],
        "p50_ms": round(times[len(times) // 2], 2),
        "p99_ms": round(times[min(len(times) - 1, len(times) * 99 // 100)], 2),
        "answered_p99_ms": round(answered[min(len(answered) - 1, len(answered) * 99 // 100)], 2),
    }
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
