"""A painter's process: reads a job from each line of stdin, answers with a line on stdout."""

from __future__ import annotations

import json
import logging
import os
import sys

from videogen.simulator.footage.studio import Job, paint

NICENESS = 10


def main() -> None:
    logging.basicConfig(level=logging.WARNING)
    os.nice(NICENESS)
    for line in sys.stdin:
        error = ""
        try:
            values = json.loads(line)
            paint(Job(**{**values, "references": tuple(values["references"])}))
        # Whatever goes wrong concerns this one clip. The next job must still be done.
        except Exception as failure:  # noqa: BLE001
            logging.getLogger(__name__).warning("Painting failed", exc_info=True)
            error = f"{type(failure).__name__}: {failure}"
        try:
            sys.stdout.write(json.dumps({"error": error}) + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            # The simulator was killed. The clip is stored for the next one.
            os._exit(0)


if __name__ == "__main__":
    main()
