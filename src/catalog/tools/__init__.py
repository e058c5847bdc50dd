"""The catalog itself: bundles, their revisions, plans and parameter schemas."""
