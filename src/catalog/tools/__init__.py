"""The catalog itself: tools, their bundles, revisions, plans and parameter schemas."""
