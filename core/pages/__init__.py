"""Pages that staff write: imprint, terms, privacy, withdrawal and others, with all their published versions."""
