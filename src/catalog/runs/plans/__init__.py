"""Plans: what an action would change, before it is started."""
