"""The adapter to Keycloak's admin API: realm, organizations, people and the clients of instances.

Everything here converges: a call says what there should be, changes what differs, and can be repeated at will.
"""
