"""Hash the hash of the hash ... for the number of seconds named."""

import hashlib
import sys
import time

end = time.monotonic() + float(sys.argv[1])
digest = b""
rounds = 0
while time.monotonic() < end:
    for _ in range(1000):
        digest = hashlib.sha256(digest).digest()
    rounds += 1000
print("rounds", rounds, "digest", digest.hex())
