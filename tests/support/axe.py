"""What axe-core looks at, and in which windows."""

from __future__ import annotations

# What axe runs by default, and the sizes of what is touched where every link is ours.
RULES = {"resultTypes": ["violations"]}
OWN_RULES = {**RULES, "rules": {"target-size": {"enabled": True}}}
# Colours that fade over into the other scheme would be measured half-way.
END_TRANSITIONS = """() => {
  for (const each of document.getAnimations()) if (each instanceof CSSTransition) each.finish();
}"""
SIZES = {"desk": (1440, 900), "phone": (390, 844)}
