"""``python -m motionloupe.cli``: the same as ``motionloupe``."""

import sys

from motionloupe.cli import main

if __name__ == "__main__":
    sys.exit(main())
