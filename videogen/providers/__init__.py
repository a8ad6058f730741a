"""The video APIs: submit, poll, list, cancel. No other package imports google-genai.

A client takes a request as plain values, and returns an operation's name and later what became of
it. Every failure is a VeoError. What is said here about requests, status codes and charges comes
from Google's documentation and from the source of google-genai 2.34.0; openspec/specs/veo-client
lists it.
"""
