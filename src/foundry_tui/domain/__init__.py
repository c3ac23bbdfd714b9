"""The nouns of the house: what a book, a production, a chapter, a chunk and an event are. Standard library only."""
