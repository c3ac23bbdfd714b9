"""Source file -> BookDocument -> chapters -> speakable chunks, every word accounted for."""
