"""A small server that speaks OpenAI's completions API, with a causal model of letters; and worse ones.

python completions_server.py MANNER          prints its port
"""

from __future__ import annotations

import json
import math
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

LETTERS = "ab "
# Parts of an answer that are not as they should be.
ODD: dict[str, dict[str, Any]] = {
    "odd-offset": {"token_logprobs": [-1.0, -1.0], "text_offset": ["0", None]},
    "huge-number": {"token_logprobs": [None, 10**400, -1.0]},
    "nulls": {"token_logprobs": [None, None, None, -1.0], "text_offset": [0, 0, 0, 0]},
    "words": {"token_logprobs": "nothing"},
}


def log_probs(text: str) -> list[float]:
    """Of each letter after the one before it, as natural logarithms; the first letter's is no use."""
    pairs = zip(" " + text, text, strict=False)
    return [math.log((1 + (LETTERS.index(x) + 2 * LETTERS.index(y)) % 5) / 15) for x, y in pairs]


def choice(text: str, index: int, manner: str) -> dict[str, Any]:
    """The part of an answer that belongs to one prompt: its tokens, and one more that was generated."""
    values: list[float | None] = [None, *log_probs(text)[1:], -0.5]
    told: dict[str, Any] = {"tokens": [*text, "a"], "token_logprobs": values}
    if manner != "without-offsets":
        told["text_offset"] = list(range(len(text) + 1))
    if manner in ODD:
        told |= ODD[manner]
    number: Any = [index] if manner == "odd-index" else index
    return {"text": text + "a", "index": number, "logprobs": None if manner == "no-logprobs" else told}


class Door(BaseHTTPRequestHandler):
    """Answers POST /v1/completions in one manner."""

    manner = "plain"

    def do_POST(self) -> None:
        """One request."""
        wanted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.path == "/v1/completions" and wanted["echo"] and wanted["logprobs"]
        choices = [choice(text, index, self.manner) for index, text in enumerate(wanted["prompt"])]
        if self.manner == "shuffled":
            choices.reverse()
        if self.manner == "few":
            choices.pop()
        answer = json.dumps({"choices": choices})
        if self.manner == "slow":
            time.sleep(5)
        if self.manner == "no-http":
            self.wfile.write(b"what?\r\n\r\n")
            return
        self.send_response(500 if self.manner == "error" else 200)
        if self.manner == "partial":
            self.send_header("Content-Length", str(2 * len(answer)))
        self.end_headers()
        if self.manner == "trickle":
            for _ in range(50):
                self.wfile.write(b" ")
                time.sleep(0.1)
        self.wfile.write({"html": "<html>", "list": "[]"}.get(self.manner, answer).encode())

    def log_message(self, *args: Any) -> None:
        """Silence."""


if __name__ == "__main__":
    Door.manner = sys.argv[1]
    server = HTTPServer(("127.0.0.1", 0), Door)
    print(server.server_port, flush=True)
    if Door.manner == "gone":
        server.server_close()
        time.sleep(30)
    else:
        server.serve_forever()
