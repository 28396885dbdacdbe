"""A figure of matplotlib's as a part of a page: with a name, colours of the page, and ids of its own."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from mimesim.report.style import COLOURS

__all__ = ["inline"]

_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}\b")
_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_FAMILY = re.compile(r"font-family:[^;]*;?\s*")
#: What is as good left out: matplotlib says it of everything.
_USELESS = {"stroke-linejoin: miter", "stroke-linecap: butt", "stroke-linecap: square"}
_HREF = "{http://www.w3.org/1999/xlink}href"


def inline(svg: bytes, name: str, title: str, description: str, style: str) -> str:
    """Return *svg* as an element for HTML, an image with *title* and *description* for those who do not see it.

    *name* begins every id in it, *style* is its class beside ``chart``.
    """
    # What matplotlib has just written: no entities, no text that it has not escaped.
    root = ElementTree.fromstring(svg)  # noqa: S314
    used = {found for element in root.iter() for found in _references(element)}
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        _tidy(element, name, used)
    for parent in list(root.iter()):
        for child in [child for child in parent if child.tag in ("metadata", "style")]:
            parent.remove(child)
    _unwrap(root)
    described = [_text("title", f"{name}-title", title), _text("desc", f"{name}-desc", description)]
    box = root.get("viewBox", "0 0 1 1")
    _, _, width, height = box.split()
    root.attrib.clear()
    root.attrib.update(
        {
            "class": f"chart {style}",
            "role": "img",
            "aria-labelledby": f"{name}-title {name}-desc",
            "viewBox": box,
            "width": width,
            "height": height,
        }
    )
    root[:0] = described
    return ElementTree.tostring(root, encoding="unicode")


def _references(element: ElementTree.Element) -> list[str]:
    found = [match for value in element.attrib.values() for match in _REFERENCE.findall(value)]
    href = element.get(_HREF)
    return [*found, href.removeprefix("#")] if href else found


def _tidy(element: ElementTree.Element, name: str, used: set[str]) -> None:
    if element.tag != "text" and element.tag != "tspan":
        element.text = None
    element.tail = None
    attributes = dict(element.attrib)
    element.attrib.clear()
    for key, value in attributes.items():
        if key == "id":
            if value in used:
                element.set("id", f"{name}-{value}")
        elif key == _HREF:
            element.set("href", f"#{name}-{value.removeprefix('#')}")
        elif key == "fill":
            # The same as a style, in which a variable may stand.
            element.set("style", f"fill: {_coloured(value)}")
        else:
            value = _REFERENCE.sub(rf"url(#{name}-\1)", value)
            if key == "style":
                parts = [part.strip() for part in _FAMILY.sub("", _coloured(value)).split(";")]
                value = ";".join(part for part in parts if part and part not in _USELESS)
            element.set(key, " ".join(_LONG_NUMBER.sub(_short, value).split()))


def _coloured(value: str) -> str:
    """Return *value* with the page's variables for colours; one that the page does not know is a mistake of ours."""
    return _COLOUR.sub(lambda match: f"var(--{COLOURS[match[0].lower()]})", value)


def _short(match: re.Match[str]) -> str:
    return f"{float(match[0]):.2f}".rstrip("0").rstrip(".")


def _unwrap(element: ElementTree.Element) -> None:
    """Put the children of groups that say nothing in their place."""
    children = []
    for child in element:
        _unwrap(child)
        children += list(child) if child.tag == "g" and not child.attrib else [child]
    element[:] = children


def _text(tag: str, name: str, text: str) -> ElementTree.Element:
    element = ElementTree.Element(tag, {"id": name})
    element.text = text
    return element
