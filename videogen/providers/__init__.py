"""The video APIs: submit, poll, list, cancel. Only below here is google-genai known.

Comes in: a request as plain values. Goes out: an operation's name, then what became of it; every
failure is a VeoError. Facts about the wire, the prices of mistakes and the status codes come from
Google's documentation and from google-genai 2.34.0's source; openspec/specs/veo-client has them.
"""
