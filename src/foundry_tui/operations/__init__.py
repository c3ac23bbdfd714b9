"""What a face may ask for, one file a noun; console, headless run and verbs all go through here."""
