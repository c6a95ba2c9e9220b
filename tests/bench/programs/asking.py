"""What every program of the race is told, and nothing else. Standard library only: its start counts."""

import os
import sys

INPUT, OUTPUT, LANE = sys.argv[1:4]
URL = os.environ["CRUSTFRAME_BASE_URL"]
KEY = os.environ["CRUSTDATA_API_KEY"]
HEADERS = {"Authorization": f"Bearer {KEY}", "x-api-version": "2025-11-01"}
COLUMNS = ["name", "headline", "connections", "title", "school"]
PATHS = {
    "name": "basic_profile.name",
    "headline": "basic_profile.headline",
    "connections": "professional_network.connections",
    "title": "experience.employment_details.current.title",
    "school": "education.schools.school",
}
GROUPS = ["basic_profile", "professional_network", "social_handles", "experience", "education", "skills"]
FIELDS = {"full": GROUPS, "asked": list(PATHS.values())}[LANE]
"""Everything the credit covers, or just what the columns need."""
WORKERS, BATCH = 8, 25
