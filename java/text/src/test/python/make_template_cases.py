#!/usr/bin/env python3
"""Writes the expected renderings that TemplateCasesTest compares with, byte for byte.

The oracle is Jinja itself, set up as Hugging Face transformers sets it up for chat templates: the immutable sandbox,
trim_blocks, lstrip_blocks, loop controls, the generation tag, json.dumps for tojson, raise_exception and strftime_now.
Run it again after changing a template or a case:

    python3 java/text/src/test/python/make_template_cases.py

It needs Python 3.11 or newer and jinja2 3.1, and rewrites src/test/resources/dev/gavel/text/template-cases.json.
"""

import copy
import datetime
import json
import pathlib

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from template_cases import CONTEXT, CONVERSATIONS, EXPRESSIONS, REFUSED, TOOLS

RESOURCES = pathlib.Path(__file__).parents[1] / "resources/dev/gavel/text"
NOW = datetime.datetime(2026, 3, 5, 16, 7, 8)


class Generation(Extension):
    """The generation tag: transformers uses it to find the assistant's tokens; the text is the body's."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("_render"), [], [], body).set_lineno(line)

    def _render(self, caller):
        return caller()


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def environment():
    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = NOW.strftime
    return env


def case(env, name, template, variables):
    result = {"name": name, "template": template, "variables": variables}
    try:
        result["expected"] = env.from_string(template).render(**copy.deepcopy(variables))
    except Exception as error:  # noqa: BLE001, whatever Jinja or Python refuses is an error case
        result["error"] = f"{type(error).__name__}: {error}"
        result["raised"] = type(error) is jinja2.exceptions.TemplateError
        result["message"] = str(error)
    return result


def main():
    env = environment()
    cases = []
    for path in sorted((RESOURCES / "templates").glob("*.jinja")):
        template = path.read_text(encoding="utf-8")
        for name, messages in CONVERSATIONS.items():
            for prompt in (False, True):
                variables = {
                    "messages": messages,
                    "add_generation_prompt": prompt,
                    "bos_token": "<s>",
                    "eos_token": "</s>",
                }
                if name == "tools":
                    variables["tools"] = TOOLS
                cases.append(case(env, f"{path.stem} / {name} / {'prompt' if prompt else 'whole'}", template, variables))
    for number, template in enumerate(EXPRESSIONS):
        cases.append(case(env, f"expression {number}", template, CONTEXT))
    for number, template in enumerate(REFUSED):
        entry = case(env, f"refused {number}", template, CONTEXT)
        if "error" in entry:
            raise SystemExit(f"Jinja refuses this too, move it to EXPRESSIONS: {template}")
        del entry["expected"]
        entry["refused_here"] = True
        cases.append(entry)
    # Templates of conversations repeat: the file keeps each text once.
    templates = {}
    for entry in cases:
        entry["template"] = templates.setdefault(entry["template"], len(templates))
    out = {
        "made_by": "src/test/python/make_template_cases.py",
        "jinja2": jinja2.__version__,
        "now": NOW.isoformat(),
        "templates": list(templates),
        "cases": cases,
    }
    path = RESOURCES / "template-cases.json"
    path.write_text(json.dumps(out, ensure_ascii=True, indent=1) + "\n", encoding="utf-8")
    errors = sum("error" in entry for entry in cases)
    print(f"{len(cases)} cases, {errors} of them errors, written to {path.name}")


if __name__ == "__main__":
    main()
