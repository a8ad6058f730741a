"""The drawing kit of the sample story: paint, characters, places, model sheets, key frames."""
