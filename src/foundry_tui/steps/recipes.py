"""The recipes: which steps make what, in which order."""

from __future__ import annotations

from collections.abc import Mapping

from foundry_tui.pipeline.contract import Recipe, StepSpec
from foundry_tui.steps.audio_generation import AudioGeneration
from foundry_tui.steps.audio_processing import AudioProcessing
from foundry_tui.steps.chapter_press import ChapterPress
from foundry_tui.steps.final_compilation import FinalCompilation
from foundry_tui.steps.metadata import Metadata
from foundry_tui.steps.parsing import Parsing
from foundry_tui.steps.publishing import Publishing
from foundry_tui.steps.quality_check import QualityCheck
from foundry_tui.steps.toolbox import Toolbox


def build_recipes(tools: Toolbox) -> Mapping[str, Recipe]:
    """Every recipe this house can follow, by name."""
    press = ChapterPress(tools)
    audiobook = Recipe(
        "audiobook",
        (
            StepSpec("STEP1_parsing", "parsing", Parsing(tools)),
            StepSpec("STEP2_metadata", "metadata", Metadata(tools)),
            StepSpec("STEP3_audio_generation", "audio_generation", AudioGeneration(tools, press), needs="engine"),
            StepSpec("STEP4_audio_processing", "audio_processing", AudioProcessing(tools, press)),
            StepSpec("STEP5_final_compilation", "final_compilation", FinalCompilation(tools, press)),
            StepSpec("STEP6_quality_check", "quality_check", QualityCheck(tools)),
            StepSpec("STEP7_publishing", "publishing", Publishing(tools)),
        ),
    )
    return {audiobook.name: audiobook}
