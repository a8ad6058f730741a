"""Documents that nearly are what they should be: a valid one with a few places changed. hypothesis
draws the changes."""

from __future__ import annotations

import copy
import json

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

# Always the same inputs: a failure is everybody's, and nothing is kept between runs.
always = settings(
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


def nested(depth, leaf="x"):
    value = leaf
    for _ in range(depth):
        value = [value]
    return value


HOSTILE = [
    None,
    True,
    0,
    -1,
    1.5,
    2**31,
    2**63,
    -(2**63) - 1,
    10**400,
    1e308,
    float("nan"),
    float("inf"),
    float("-inf"),
    "",
    " ",
    "\0",
    "a\0b",
    "\ud800",
    "x\udfff",
    "\u2028\u202e",
    "\r\n\x1b[2J",
    "🎞️" * 50,
    "a" * 201,
    "a" * 70_000,
    "../../escaped",
    "/tmp/escaped",
    "..\\..\\escaped",
    "C:\\escaped",
    "~/escaped",
    "file:///etc/passwd",
    "{",
    "[[[[",
    '{"a": NaN}',
    "null",
    "[" * 5_000,
    [],
    {},
    [[]],
    [None, 7, "x", {}],
    {"": ""},
    {"\0": "\ud800"},
    nested(99),
    nested(150),
    nested(400),
]

values = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=30),
    st.integers(),
    st.floats(),
    st.lists(st.integers(), max_size=3),
)
# (which place, what is done there, with which value)
changes = st.lists(
    st.tuples(
        st.integers(0, 10_000),
        st.sampled_from(["replace", "remove", "rename", "repeat", "wrap", "swap"]),
        values,
    ),
    min_size=1,
    max_size=2,
)


def changed(document, drawn):
    """A copy of the document with the drawn changes."""
    document = {"": copy.deepcopy(document)}
    for place, what, value in drawn:
        places = list(_places(document))
        holder, key = places[place % len(places)]
        if what == "replace":
            holder[key] = copy.deepcopy(value)
        elif what == "wrap":
            holder[key] = {str(key): holder[key]}
        elif what == "swap":
            other, there = places[(place * 7 + 1) % len(places)]
            # (The other place may lie in this one.)
            holder[key], other[there] = copy.deepcopy(other[there]), copy.deepcopy(holder[key])
        elif isinstance(holder, list):
            if what == "repeat":
                holder.insert(key, copy.deepcopy(holder[key]))
            else:
                del holder[key]
        elif key != "":
            if what == "rename":
                holder[str(value)[:100]] = holder[key]
            del holder[key]
    return document.get("")


def _places(value):
    """(holder, key) of everything in it, as far as one looks at documents by hand."""
    waiting, found = [value], 0
    while waiting and found < 300:
        holder = waiting.pop(0)
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        for key in keys:
            found += 1
            yield holder, key
            if isinstance(holder[key], (dict, list)):
                waiting.append(holder[key])


def as_bytes(document, form):
    """The document's JSON: as it should be, or as a careless tool writes it."""
    if form == "escaped":
        return json.dumps(document).encode()
    data = json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")
    if form == "cut":
        return data[: len(data) * 2 // 3]
    if form == "twice":
        return data + data
    if form == "utf-16":
        return data.decode("utf-8", "surrogatepass").encode("utf-16", "surrogatepass")
    if form == "same keys":
        return data.replace(b'"title"', b'"story_id"').replace(b'"done"', b'"name"')
    return data


forms = st.sampled_from(["plain"] * 6 + ["escaped"] * 6 + ["cut", "twice", "utf-16", "same keys"])
