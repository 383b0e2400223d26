"""Sections of RESULTS.md that different scripts write: each writes its own anew and keeps the others."""

__all__ = ["replaced_section", "sections"]


def sections(page: str) -> dict[str, str]:
    """Heading line to the whole section with it, in order."""
    found: dict[str, str] = {}
    heading = ""
    for line in page.splitlines(keepends=True):
        if line.startswith("# "):
            heading = line.strip()
        found[heading] = found.get(heading, "") + line
    return found


def replaced_section(page: str, heading: str, text: str) -> str:
    """The page with that section as it is now; a new one goes to the end."""
    return "\n".join(part.strip() + "\n" for part in (sections(page) | {heading: text}).values())
