"""The actions of screens that lie over the panes, a part of the one registry (see ``actions``)."""

from __future__ import annotations

from foundry_tui.console.action import Action
from foundry_tui.console.action import described as _a

_WHAT_RUNS = "What would run again and why; rebuild it if you like."

PRODUCTION: tuple[Action, ...] = (
    _a("production.requeue", "r", "requeue", "Requeue from the step under the cursor.", 85, writes=True),
    _a("production.play", "p", "play", "Play the chunk under the cursor, or stop it.", 88),
    _a("production.retake", "R", "retake", "Speak just this chunk again and rebuild only what follows from it.", 80,
       writes=True),
    _a("production.change", "c", "words", "Change what the chunk says; the book's own words stand beside it.", 78,
       writes=True),
    _a("production.undo", "u", "book's words", "Let the chunk say again what the book says.", 20, writes=True),
    _a("production.forecast", "w", "what runs", _WHAT_RUNS, 70),
    _a("production.error", "e", "error", "Why it failed, and what to do.", 60),
    _a("production.next_tab", "right_square_bracket", "next list", "Steps, chapters, chunks, flagged chunks.", 75),
    _a("production.previous_tab", "left_square_bracket", "list before", "The list before."),
)  # fmt: skip
EDITOR: tuple[Action, ...] = (
    _a("editor.keep", "f3", "keep", "Keep these words (ctrl+s too), and say what will run again.", 90, writes=True),
    _a("editor.hear", "f2", "hear", "Hear these words in the narrator's voice before they are kept.", 80),
    _a("editor.original", "f9", "book's words", "Put the book's own words back into the editor.", 70),
)
SECTIONS: tuple[Action, ...] = (
    _a("sections.keep", "K", "narrate", "Have the section narrated.", 85, writes=True),
    _a("sections.leave_out", "X", "leave out", "Leave the section out.", 84, writes=True),
    _a("sections.change", "c", "rename", "Give the section another title.", 80, writes=True),
    _a("sections.merge", "J", "join", "Join the section to the one before it.", 70, writes=True),
    _a("sections.split", "b", "split", "Begin a new section at a paragraph of this one.", 65, writes=True),
    _a("sections.undo", "u", "undo", "Take back what was decided about this section, or the last decision.", 75,
       writes=True),
    _a("sections.view", "v", "receipt", "What became of every word of the source.", 50),
    _a("sections.forecast", "w", "what runs", _WHAT_RUNS, 60),
)  # fmt: skip
LEXICON: tuple[Action, ...] = (
    _a("lexicon.add", "a", "add", "A word, and how it is said.", 88, writes=True),
    _a("lexicon.change", "c", "change", "Change how the word is said, and where.", 80, writes=True),
    _a("lexicon.remove", "d", "remove", "Take the words out of the lexicon.", 60, dangerous=True),
    _a("lexicon.play", "p", "play", "Hear a sentence with the word as the lexicon says it, or stop it.", 85),
    _a("lexicon.suggestions", "n", "names", "Names of a book that are worth a listen.", 82, command="names"),
    _a("lexicon.import", "I", "import", "Take the entries of a CSV file in.", 40, writes=True),
    _a("lexicon.export", "E", "save", "Save the whole lexicon to a CSV file.", 35),
)
SUGGESTIONS: tuple[Action, ...] = (
    _a("suggestions.add", "a", "add", "Say how the name is said, and hear it before and after.", 88, writes=True),
    _a("suggestions.play", "p", "play", "Hear the sentence as the engine says it now, or stop it.", 85),
)
DOCTOR: tuple[Action, ...] = (
    _a("doctor.repair", "F", "repair", "Do what the finding under the cursor asks for, where the doctor can.", 85,
       dangerous=True),
    _a("doctor.again", "A", "look again", "Examine the home again.", 70),
)  # fmt: skip
AUDITION: tuple[Action, ...] = (
    _a("audition.hear", "f2", "play", "Play what was spoken, or stop it.", 90),
    _a("audition.keep", "f3", "keep", "Keep it as the narrator's sample.", 80, writes=True),
    _a("audition.passage", "f4", "passage", "A passage of the Catalog's book: dialogue, numbers, the longest.", 70),
    _a("audition.hear_second", "f5", "play 2nd", "Play the second narrator, at the same loudness.", 60),
    _a("audition.keep_second", "f6", "keep 2nd", "Keep it as the second narrator's sample.", 50, writes=True),
    _a("audition.save", "f7", "save", "Save what was spoken to a WAV file.", 40),
    _a("audition.save_second", "f8", "save 2nd", "Save what the second narrator spoke to a WAV file.", 30),
)
ACTIONS_OF_SCREENS: tuple[Action, ...] = (
    *PRODUCTION, *EDITOR, *SECTIONS, *LEXICON, *SUGGESTIONS, *DOCTOR, *AUDITION,
)  # fmt: skip
