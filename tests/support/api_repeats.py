"""Many threads of one process, which send the same request with the same key at the same moment to
an installation's own database. Prints what they were answered."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections import Counter

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "storybook.settings")
django.setup()

from django.db import connections  # noqa: E402

from videogen.models import RenderBatch, VideoRender  # noqa: E402

from .api import Program, program  # noqa: E402
from .factories import make_story  # noqa: E402

THREADS = 50


def main(repeats):
    make_story(shots=3)
    asks = program()
    asks.client.defaults["SERVER_NAME"] = "localhost"
    seen = asks.post("/plans", {"story_id": "the-lamp"}).json()["fingerprint"]
    body = {"story_id": "the-lamp", "fingerprint": seen}
    answers, start = [], threading.Barrier(THREADS)

    def ask():
        start.wait()
        mine = Program(asks.token)
        mine.client.defaults["SERVER_NAME"] = "localhost"
        for _ in range(repeats // THREADS):
            response = mine.post("/batches", body, key="k-1")
            told = response.json()
            answers.append((response.status_code, told.get("code", ""), told.get("id")))
        connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(THREADS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    last = asks.post("/batches", body, key="k-1").json()["id"]
    return {
        "answers": len(answers),
        "kinds": sorted(Counter((status, code) for status, code, _ in answers)),
        "batches_told": sorted({pk for _, _, pk in answers if pk} | {last}),
        "batches": list(RenderBatch.objects.values_list("pk", flat=True)),
        "renders": VideoRender.objects.count(),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(int(sys.argv[1]))))
