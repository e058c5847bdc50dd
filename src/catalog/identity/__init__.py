"""Who somebody is: tokens, principals, and the adapter to Keycloak."""
