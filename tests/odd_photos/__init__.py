"""Odd photos: 1 to 100 faces, at borders, tiny, narrow, huge, through the whole application (`make odd-photos`)."""
