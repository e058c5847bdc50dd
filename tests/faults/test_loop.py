"""One short round of the loop; `./dev faults` plays more of them, on both bundles."""

from tests.faults.loop.rounds import play

SEED = 7


async def test_a_round_of_faults_on_a_wiki_leaves_everything_as_it_should_be() -> None:
    assert await play(1, SEED, tools=["dokuwiki"]) == 0
