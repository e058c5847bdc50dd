"""Orphans: clients in Keycloak and instances on hosts that the catalog does not have there; listed, and left alone."""
