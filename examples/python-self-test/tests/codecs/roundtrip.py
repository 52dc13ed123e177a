"""Check that what a character set can encode decodes to text that encodes to the same bytes."""

import sys

SURROGATES = range(0xD800, 0xE000)

charset = sys.argv[1]
everything = "".join(chr(point) for point in range(sys.maxunicode + 1) if point not in SURROGATES)
encoded = everything.encode(charset, errors="ignore")
decoded = encoded.decode(charset)
if decoded.encode(charset) != encoded:
    sys.exit(f"{charset}: the text read back is not what was written")
print("characters", len(decoded))
print("bytes", len(encoded))
