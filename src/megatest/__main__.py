"""``python -m megatest``: the console script, for where its directory is not on PATH."""

import sys

from megatest.cli.start import main

if __name__ == "__main__":
    sys.exit(main())
