"""The whole catalog as answers that stand ready: what every server process holds of it in memory."""

import unicodedata
from collections.abc import Mapping, Sequence

import msgspec

from catalog.platform.http.pages import Page
from catalog.platform.http.prepared import Headers, Prepared
from catalog.platform.i18n import LANGUAGES, Language
from catalog.tools.listing import Listing, listing_of
from catalog.tools.schemas import ToolSummary, tool_out, tool_summary
from catalog.tools.tables import Tool, ToolRevision

JSON = "application/json"
# A picture is data from a bundle: where it is opened by itself, it may load and run nothing.
_PICTURE_HEADERS: Headers = [
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; sandbox"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-site"),
]


class Entry(msgspec.Struct, frozen=True):
    """A listed tool, and all its words in both languages, folded for searching."""

    words: str
    summaries: Mapping[Language, ToolSummary]


class Snapshot(msgspec.Struct, frozen=True):
    """The catalog at one generation. `entries` are those that can be requested; `tools` holds the others too."""

    generation: int
    entries: Sequence[Entry]
    lists: Mapping[Language, Prepared]
    tools: Mapping[tuple[str, Language], Prepared]
    pictures: Mapping[str, Prepared]

    def filtered(self, language: Language, *, q: str | None, interface_language: str | None) -> Prepared:
        """Make the list of the tools whose words hold all of `q`'s, and whose interface speaks the language."""
        wanted = folded(q or "").split()
        found = [entry.summaries[language] for entry in self.entries if all(word in entry.words for word in wanted)]
        if interface_language is not None:
            tag = interface_language.lower()
            found = [tool for tool in found if tag in map(str.lower, tool.interface_languages)]
        return _listed(found, language)


def take_snapshot(generation: int, catalog: Sequence[tuple[Tool, ToolRevision | None]]) -> Snapshot:
    """Write every answer about `catalog`."""
    entries = [_entry(tool, revision) for tool, revision in catalog if revision is not None]
    return Snapshot(
        generation=generation,
        entries=entries,
        lists={language: _listed([entry.summaries[language] for entry in entries], language) for language in LANGUAGES},
        tools={
            (tool.slug, language): _json(tool_out(tool, revision, language), language)
            for tool, revision in catalog
            for language in LANGUAGES
        },
        pictures={tool.slug: _picture(listing_of(tool)) for tool, _ in catalog},
    )


def folded(text: str) -> str:
    """Write `text` without case and accents, as people type when they search."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def _entry(tool: Tool, revision: ToolRevision) -> Entry:
    listing = listing_of(tool)
    texts = (listing.name, listing.summary, listing.description, *listing.teaching_uses)
    words = " ".join((tool.slug, *(text.into(language) for text in texts for language in LANGUAGES)))
    return Entry(folded(words), {language: tool_summary(tool, revision, language) for language in LANGUAGES})


def _listed(found: list[ToolSummary], language: Language) -> Prepared:
    return _json(Page(items=found, next=None), language)


def _json(value: object, language: Language) -> Prepared:
    headers: Headers = [(b"content-language", language.encode()), (b"vary", b"Accept-Language")]
    return Prepared(msgspec.json.encode(value), JSON, headers)


def _picture(listing: Listing) -> Prepared:
    return Prepared(listing.picture.content(), listing.picture.media_type, _PICTURE_HEADERS)
