"""What every slice stands on: database, errors, HTTP habits, outbox, audit, secrets, logging. Knows no slice."""
