"""The drawing kit of the sample story: paint, four characters, five places, sheets and key frames."""
