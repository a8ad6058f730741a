"""A local server that speaks the Gemini API's own HTTP for Veo, and renders real clips.

What comes in are the very requests that the SDK would send to Google; what goes out are answers of
the same shape, scripted failures, and playable videos. It costs nothing, so that everything up to
and after the paid call can be seen working. Nothing here imports Django or google.genai: the
simulator is the far end of the wire and shares no code with the near end.
"""
