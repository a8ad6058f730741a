"""A local server that speaks the Gemini API's own HTTP for Veo, and renders real clips.

It receives the very requests that the SDK would send to Google, and answers with the same shapes,
with scripted failures, and with playable videos. It costs nothing, so everything before and after
the paid call can be tried. Nothing here imports Django or google.genai: the simulator is the other
end of the wire, and shares no code with this end.
"""
