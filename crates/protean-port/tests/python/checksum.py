"""Answers each line of JSON with its checksum and the text that it is taken of."""

import hashlib
import json
import sys

for line in sys.stdin.buffer:
    text = json.dumps(json.loads(line), sort_keys=True, separators=(",", ":"))
    print(hashlib.sha256(text.encode("utf-8")).hexdigest(), text)
