from __future__ import annotations


def run(folder, options):
    return []
