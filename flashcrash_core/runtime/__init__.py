"""Runtime: the pure session, its records, and the shells around it (runners, storage seam, reports)."""
