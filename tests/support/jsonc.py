# SPDX-License-Identifier: Apache-2.0
"""JSON with comments, as flyball reads specifications."""
import json
import re

# A string, or a comment: strings first, since they may contain what looks like one.
TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/', re.S)


def loads(text):
    return json.loads(TOKEN.sub(lambda m: m[0] if m[0][0] == '"' else " ", text))


def load(path):
    with open(path, encoding="utf-8") as file:
        return loads(file.read())
