"""Directives of the documentation site: what the commands and the schemas say of themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from mimesim.cli.main import cli
from mimesim.schema import shipped_schema

__all__ = ["setup"]

Schema = dict[str, Any]


class _Generated(SphinxDirective):
    """A directive whose Markdown is made when the site is built."""

    required_arguments = 0

    def lines(self) -> Iterator[str]:
        """Yield the lines of the Markdown."""
        # Every directive below says what.
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        """Return what the Markdown stands for."""
        section = nodes.Element()
        lines = list(self.lines())
        self.state.nested_parse(StringList(lines, source="generated"), self.content_offset, section, match_titles=True)
        return section.children


class Commands(_Generated):
    """The help of every command."""

    def lines(self) -> Iterator[str]:
        """Yield a section for each command."""
        yield from self._of(cli, "mimesim")

    def _of(self, command: click.Command, path: str) -> Iterator[str]:
        context = click.Context(command, info_name=path, max_content_width=100, terminal_width=100)
        yield from (f"## {path}", "", "```text", *command.get_help(context).splitlines(), "```", "")
        for name, below in command.commands.items() if isinstance(command, click.Group) else ():
            yield from self._of(below, f"{path} {name}")


class Keys(_Generated):
    """The keys that a kind of YAML file may have, in a table for each mapping."""

    required_arguments = 1

    def lines(self) -> Iterator[str]:
        """Yield a table for each model of the schema, the file's own first."""
        kind = self.arguments[0]
        schema = json.loads(shipped_schema(kind).read_text(encoding="utf-8"))
        self.models: Schema = schema.get("$defs", {})
        yield from self._table(f"A {kind} file", schema)
        for name, model in self.models.items():
            # What may also be a name is one of two.
            for part in model.get("anyOf", [model]):
                if "properties" in part:
                    yield from self._table(name, part)

    def _table(self, name: str, model: Schema) -> Iterator[str]:
        if "if" in model:
            yield from ("", f"**{name}**: with `system`, {_plain(model['then']['description'])}; without:", "")
            model = next(_without_conditions(model))
        yield from ("", f"**{name}**. {_plain(model.get('description', ''))}", "")
        yield from ("| key | value | default | meaning |", "|---|---|---|---|")
        required = model.get("required", [])
        for key, entry in model["properties"].items():
            default = "*required*" if key in required else f"`{json.dumps(entry['default'])}`" if _short(entry) else ""
            yield f"| `{key}` | {_value(entry)} | {default} | {_plain(_meaning(entry, self.models))} |"
        yield ""


def _without_conditions(model: Schema) -> Iterator[Schema]:
    while "if" in model:
        model = model["else"]
    yield model


def _short(entry: Schema) -> bool:
    return "default" in entry and len(json.dumps(entry["default"])) <= 30


def _value(entry: Schema) -> str:
    """Return, for people, what may stand behind a key."""
    if "enum" in entry:
        return ", ".join(
            f"`{json.dumps(choice)}`" if not isinstance(choice, str) else f"`{choice}`" for choice in entry["enum"]
        )
    if "const" in entry:
        return f"`{entry['const']}`"
    if "$ref" in entry:
        return f"a mapping: {entry['$ref'].rpartition('/')[2]}"
    for several in ("anyOf", "oneOf"):
        if several in entry:
            return " or ".join(dict.fromkeys(_value(part) for part in entry[several]))
    if entry.get("type") == "array":
        if "prefixItems" in entry:
            return f"a list of {len(entry['prefixItems'])}: {_value(entry['prefixItems'][0])}"
        return f"a list: {_value(entry['items'])}"
    limits = [
        f"{sign} {entry[name]:g}"
        for name, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
        if name in entry
    ]
    names = {"object": "a mapping", "string": "text", "null": "null", "boolean": "true, false"}
    return ", ".join([names.get(entry.get("type", ""), entry.get("type", "anything")), *limits])


def _meaning(entry: Schema, models: Schema) -> str:
    """Return what is said of a key; else of the first that may stand there."""
    if "description" in entry:
        return str(entry["description"])
    if "$ref" in entry:
        return _meaning(models[entry["$ref"].rpartition("/")[2]], models).partition("\n\n")[0]
    below = (*entry.get("anyOf", ()), *entry.get("oneOf", ()), *([entry["items"]] if "items" in entry else []))
    return next(filter(None, (_meaning(part, models) for part in below)), "")


def _plain(text: str) -> str:
    """Return a docstring as one line of Markdown that no table stumbles over."""
    return " ".join(text.replace("|", "\\|").split())


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the directives known."""
    app.add_directive("mimesim-commands", Commands)
    app.add_directive("mimesim-keys", Keys)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
