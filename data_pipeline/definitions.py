"""The code location that `workspace.yaml` names.

Belongs here: one call. Does not: anything else.
"""

from data_pipeline.orchestration.build import build_definitions
from data_pipeline.settings import Settings

defs = build_definitions(Settings.from_env())
