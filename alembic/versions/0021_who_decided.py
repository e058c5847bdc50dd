"""Whoever reads a decision reads who made it: operators are no colleagues of a member's people, but answer to them."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let the server see those who decided what it may see."""
    op.create_index("ix_decisions_person_id", "decisions", ["person_id"])
    op.execute(
        "CREATE POLICY server_decided ON people FOR SELECT TO catalog_server"
        " USING (EXISTS (SELECT FROM decisions WHERE decisions.person_id = people.id))"
    )
