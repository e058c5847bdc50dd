"""Co-op Catalog: the catalog and the provisioning of a co-operative that hosts ed tech."""
