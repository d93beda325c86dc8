"""`kb-assistant ask` from a checkout in which nothing is installed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

if __name__ == "__main__":
    from assistant.commands.ask import main
    from assistant.commands.command_line import run

    run(main)
