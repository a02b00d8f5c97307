#!/usr/bin/env python3
"""Reads a run of exp and checks it, with nothing but Python's standard library (3.9 or newer) and docs/formats.md.

    python3 read_run.py PROJECT RUN

Prints where every target stands. Then computes keys from records, and digests from outputs, trees and archived blobs, again. What is wrong is
printed, and the exit code is 1; of what this script cannot read it is 2.
"""

import hashlib
import json
import os
import re
import sys
from datetime import datetime, timezone

TRACE_FORMAT = 1
RECORD_FORMAT = 1


class Newer(Exception):
    """A format that came after this script."""


def read_log(path):
    """The whole lines of a log. A torn one (a crash, a full disk) does not parse and is left out."""
    try:
        with open(path, "rb") as file:
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return
    for line in text.split("\n"):
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            yield value


# --- digests and keys: "Keys" in docs/formats.md -------------------------------------------------------------------


def sha256(data):
    """Of bytes, or of a text's UTF-8. Half of a surrogate pair alone is hashed as U+FFFD."""
    if isinstance(data, str):
        data = re.sub("[\ud800-\udfff]", "\ufffd", data).encode("utf-8")
    return hashlib.sha256(data).hexdigest()


def sha256_of_file(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()


def utf16(text):
    return text.encode("utf-16-be", "surrogatepass")


def number_text(value):
    """A number as JavaScript writes it: the shortest decimal that reads back as the same double."""
    value = float(value)
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    # repr gives the same shortest digits, only laid out by other rules.
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    point = len(whole) + int(exponent or 0)
    digits = (whole + fraction).lstrip("0")
    point -= len(whole + fraction) - len(digits)
    digits = digits.rstrip("0")
    count = len(digits)
    if count <= point <= 21:
        return sign + digits + "0" * (point - count)
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    power = f"e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return sign + digits[0] + ("." + digits[1:] if count > 1 else "") + power


def encode(value):
    """The canonical text of a JSON value."""
    if value is None:
        return "n"
    if value is True:
        return "t"
    if value is False:
        return "f"
    if isinstance(value, str):
        return f"s{len(utf16(value)) // 2}:{value}"
    if isinstance(value, (int, float)):
        return f"d{number_text(value)};"
    if isinstance(value, list):
        return f"a{len(value)}:" + "".join(map(encode, value))
    keys = sorted(value, key=utf16)
    return f"o{len(keys)}:" + "".join(encode(key) + encode(value[key]) for key in keys)


def core_key(record):
    return sha256(encode("action") + encode(record))


def item_core_key(template, item):
    return sha256(f"item {template}{encode(item)}")


# --- the trace -----------------------------------------------------------------------------------------------------


class Trace:
    """What the lines of a trace amount to: the last word on a key counts."""

    def __init__(self, path):
        self.records = {}  # core key -> record
        self.results = {}  # core key -> line of the result
        self.standing = {}  # target -> lines that say on which keys it stands, the last one now
        self.placed = {}  # path from the run's folder -> digest of what exp put there
        self.left = {}  # path from the run's folder -> digest of what was left in the shared cache
        self.recipes = {}  # core key of an item's template -> names of item recipes
        for line in read_log(path):
            self._take(line, path)

    def _take(self, line, path):
        if "v" in line:
            if line["v"] > TRACE_FORMAT:
                raise Newer(f"{path}: the trace has format {line['v']}, and this script reads {TRACE_FORMAT}")
        elif "rec" in line:
            if line["rec"]["format"] > RECORD_FORMAT:
                raise Newer(f"{path}: a record has format {line['rec']['format']}, and this script reads {RECORD_FORMAT}")
            self.records[line["c"]] = line["rec"]
            if "n" in line:
                self.recipes.setdefault(line["c"], set()).add(line["n"])
        elif "now" in line:
            self.standing.setdefault(line["t"], []).append(line)
        elif "out" in line:
            self.placed[line["out"]] = line["d"]
            self.left[line["out"]] = line.get("left")
        elif "as" in line:
            if line["as"] in self.results:
                result = self.results[line["as"]]
                self.results[line["c"]] = {**result, **line, "r": result["r"]}
        elif "r" in line:
            self.results[line["c"]] = line
        elif "clean" in line:
            stood = self.standing.get(line["t"], [])
            behind = {key for one in stood for key in (one["now"], one.get("s"), *one.get("m", []))} - {None}
            for core, result in list(self.results.items()):
                if result["t"] == line["t"] or core in behind or result.get("m") in behind:
                    del self.results[core]


# --- the check -----------------------------------------------------------------------------------------------------


class Run:
    def __init__(self, project, name):
        self.project = project
        self.folder = os.path.join(project, "runs", name)
        self.stores = [os.path.join(project, "runs", ".archive", "blobs"), os.path.join(project, "cache", "blobs")]
        self.trace = Trace(os.path.join(self.folder, "trace", "trace.jsonl"))
        self.wrong = []
        self.found = {}
        self.checked = {"core keys": 0, "item keys": 0, "files": 0, "blobs": 0}

    def find(self, digest):
        """The path of a blob, wherever it is; None where it is nowhere. A damaged one is told, and is not there."""
        if digest not in self.found:
            paths = [os.path.join(store, digest[:2], digest) for store in self.stores]
            whole = []
            for path in filter(os.path.exists, paths):
                self.checked["blobs"] += 1
                if sha256_of_file(path) == digest:
                    whole.append(path)
                else:
                    self.wrong.append(f"{os.path.relpath(path, self.project)}: its content is not what its name says")
            self.found[digest] = whole[0] if whole else None
        return self.found[digest]

    def read(self, digest):
        path = self.find(digest)
        if path is None:
            return None
        with open(path, "rb") as file:
            return json.loads(file.read())

    def check_file(self, path, digest):
        shown = os.path.relpath(path, self.project)
        if not os.path.isfile(path):
            self.wrong.append(f"{shown}: is missing")
        elif sha256_of_file(path) != digest:
            self.wrong.append(f"{shown}: its content is not that of the result, {digest}")
        self.checked["files"] += 1

    def check_tree(self, path, artifact):
        listing = []
        for folder, folders, names in os.walk(path):
            folders.sort()
            for name in names:
                file = os.path.join(folder, name)
                listing.append([os.path.relpath(file, path).replace(os.sep, "/"), sha256_of_file(file), os.path.getsize(file)])
        listing.sort(key=lambda entry: utf16(entry[0]))
        self.checked["files"] += len(listing)
        if sha256(json.dumps(listing, separators=(",", ":"), ensure_ascii=False)) == artifact["blob"]["digest"]:
            return
        shown = os.path.relpath(path, self.project)
        stored = self.read(artifact["blob"]["digest"])
        if stored is None:
            self.wrong.append(f"{shown}: its files are not those of the result, {artifact['blob']['digest']}")
            return
        there = {name: digest for name, digest, _ in listing}
        for name, digest, _ in stored:
            if name not in there:
                self.wrong.append(f"{shown}/{name}: is missing")
            elif there[name] != digest:
                self.wrong.append(f"{shown}/{name}: its content is not that of the result, {digest}")
        for name in sorted(set(there) - {name for name, _, _ in stored}):
            self.wrong.append(f"{shown}/{name}: is not of the result")

    def place_of(self, target, core, slot, digest):
        """Where an output lies: SLOT and its extension; for what has a name of its own the trace knows the path."""
        shape = self.trace.records.get(core, {}).get("outputs", {}).get(slot, " ").split(" ")
        usual = f"{target}/{slot}{shape[1]}"
        if usual in self.trace.placed:
            return usual
        own = [path for path, placed in self.trace.placed.items() if path.startswith(target + "/") and placed == digest]
        return own[-1] if own else usual

    def check_outputs(self, target, core, result):
        for slot, artifact in sorted(result["r"]["outputs"].items()):
            if artifact["kind"] == "absent":
                continue
            digest = artifact["blob"]["digest"]
            if "text" in artifact and sha256(artifact["text"]) != digest:
                self.wrong.append(f"{target}.{slot}: the text that the trace keeps is not that of {digest}")
            place = self.place_of(target, core, slot, digest)
            path = os.path.join(self.folder, place)
            if self.trace.left.get(place) == digest:
                if os.path.lexists(path):
                    self.wrong.append(f"{os.path.relpath(path, self.project)}: its output was left in the shared cache")
            elif artifact["kind"] == "file":
                self.check_file(path, digest)
            elif os.path.isdir(path):
                self.check_tree(path, artifact)
            else:
                self.wrong.append(f"{os.path.relpath(path, self.project)}: is missing")

    def check_records(self):
        for core, record in self.trace.records.items():
            self.checked["core keys"] += 1
            if core_key(record) != core:
                self.wrong.append(f"the record of {core} has another key: {core_key(record)}")

    def items_of(self, target):
        """What the target's split gave, packed; None of what is no fan-out, or where that is lost."""
        split = self.trace.results.get(self.trace.standing[target][-1].get("s"))
        if split is None:
            return None
        artifact = split["r"]["outputs"]["items"]
        packed = json.loads(artifact["text"]) if "text" in artifact else self.read(artifact["blob"]["digest"])
        if packed is None:
            self.wrong.append(f"{target}: the list of its items, {artifact['blob']['digest']}, is nowhere")
        return packed

    def check_items(self, target):
        """The keys of the items that a split gave: each is to be among the results."""
        packed = self.items_of(target)
        if packed is None:
            return
        stood = self.trace.standing[target][-1]
        inputs = self.trace.records.get(stood["s"], {}).get("inputs", {})
        templates = {name: core for core in stood.get("m", []) for name in self.trace.recipes.get(core, ())}
        for index, (recipe, settings, combination, item, _label) in enumerate(packed["items"]):
            name = packed["recipes"][recipe]
            template = templates.get(name) if name is not None else next(iter(templates.values()), None)
            handed = {slot: self.input_of(inputs, origin) for slot, origin in packed["inputs"][combination].items()}
            if template is None or None in handed.values():
                continue
            key = item_core_key(template, {"settings": packed["settings"][settings], "item": item, "inputs": handed})
            self.checked["item keys"] += 1
            if key not in self.trace.results:
                self.wrong.append(f"{target}[{index}]: no result has its key, {key}")

    def input_of(self, inputs, origin):
        """The record of what an item was handed: a slot, a member of a list, a file of a tree."""
        record = inputs.get(origin["slot"])
        for index in origin.get("index", []):
            record = record["members"][index]
        if "file" not in origin or record is None:
            return record
        found = [entry for entry in self.read(record["digest"]) or [] if entry[0] == origin["file"]]
        extension = os.path.splitext(origin["file"])[1]
        return {"kind": "file", "digest": found[0][1], "ext": extension, "format": "file"} if found else None

    def check_results(self):
        """Blobs behind results, where they are kept: cache/ may have been deleted, but nothing in it may be wrong."""
        for result in self.trace.results.values():
            for artifact in result["r"]["outputs"].values():
                if artifact["kind"] == "absent" or "text" in artifact:
                    continue
                self.find(artifact["blob"]["digest"])
                if artifact["kind"] == "tree":
                    for _name, digest, _size in self.read(artifact["blob"]["digest"]) or []:
                        self.find(digest)

    def check_code(self):
        """Code of records, and the sources that it was made of."""
        codes = {record["code"]["digest"] for record in self.trace.records.values() if record["code"]["kind"] == "module"}
        for code in sorted(codes):
            path = os.path.join(self.project, "runs", ".archive", "code", f"{code}.json")
            if not os.path.exists(path):
                self.wrong.append(f"the code {code} is not in the archive")
                continue
            with open(path, encoding="utf-8") as file:
                bundle = json.load(file)
            if bundle["format"] > 1:
                raise Newer(f"{path}: the archived code has format {bundle['format']}, and this script reads 1")
            for part in (code, bundle["closure"], bundle["map"]):
                if self.find(part) is None:
                    self.wrong.append(f"the code {code}: its part {part} is nowhere")
            for module in (self.read(bundle["closure"]) or {"modules": []})["modules"]:
                if self.find(module["text"]) is None:
                    self.wrong.append(f"the code {code}: the text of {module['label']} is nowhere")

    def check_configs(self):
        for entry in read_log(os.path.join(self.folder, "history.jsonl")):
            if "resolved" in entry and self.find(entry["resolved"]) is None:
                self.wrong.append(f"the config of build {entry['build']}, {entry['resolved']}, is nowhere")

    def check(self):
        self.check_records()
        for target, (*_before, stood) in self.trace.standing.items():
            result = self.trace.results.get(stood["now"])
            if result is not None:
                self.check_outputs(target, stood["now"], result)
                self.check_items(target)
        self.check_results()
        self.check_code()
        self.check_configs()

    def show(self):
        for target, (*_before, stood) in self.trace.standing.items():
            result = self.trace.results.get(stood["now"])
            if result is None:
                print(f"{target}  cleaned")
                continue
            at = datetime.fromtimestamp(result["r"]["at"] / 1000, timezone.utc).isoformat(timespec="seconds")
            packed = self.items_of(target)
            items = "" if packed is None else f"  {len(packed['items'])} items"
            print(f"{target}  {at}  {result['r']['tookMs']:.0f} ms{items}  {stood['now']}")
            for slot, artifact in sorted(result["r"]["outputs"].items()):
                print(f"  {slot}  {artifact.get('blob', {}).get('digest', 'absent')}")


def main(arguments):
    if len(arguments) != 2:
        print("usage: read_run.py PROJECT RUN", file=sys.stderr)
        return 2
    project, name = arguments
    if not os.path.isdir(os.path.join(project, "runs", name)):
        print(f"there is no run {name} in {project}", file=sys.stderr)
        return 2
    try:
        run = Run(project, name)
        run.show()
        run.check()
    except Newer as error:
        print(error, file=sys.stderr)
        return 2
    for line in dict.fromkeys(run.wrong):
        print(f"wrong: {line}")
    print("checked: " + ", ".join(f"{count} {what}" for what, count in run.checked.items()))
    return 1 if run.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
