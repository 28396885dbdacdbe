"""Reads a page as a browser or a screen reader does: elements, ids, tables, links."""

from __future__ import annotations

import base64
from html.parser import HTMLParser
from typing import NamedTuple

__all__ = ["Element", "Page"]

_VOID = {"meta", "link", "input", "img", "br"}


class Element(NamedTuple):
    """A tag with its attributes and the tags around it, and where its text begins and ends among all text."""

    tag: str
    attributes: dict[str, str]
    around: tuple[str, ...]


class Page(HTMLParser):
    """All elements of a page in order, and the text of each kind."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.texts: list[tuple[tuple[str, ...], str]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"{tag} has an attribute twice"
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}, tuple(self._open)))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((tuple(self._open), data.strip()))

    def all(self, *tags: str) -> list[Element]:
        """Return the elements with one of *tags*."""
        return [element for element in self.elements if element.tag in tags]

    def ids(self) -> list[str]:
        return [element.attributes["id"] for element in self.elements if "id" in element.attributes]

    def downloads(self) -> dict[str, bytes]:
        """Return what the download links hold, by file name."""
        found = {}
        for link in self.all("a"):
            if "download" in link.attributes:
                head, data = link.attributes["href"].split(",", 1)
                assert head.startswith("data:")
                assert head.endswith(";charset=utf-8;base64")
                assert link.attributes["download"] not in found
                found[link.attributes["download"]] = base64.b64decode(data)
        return found

    def said(self, tag: str) -> list[str]:
        """Return the texts directly in elements of *tag*."""
        return [text for around, text in self.texts if around and around[-1] == tag]
