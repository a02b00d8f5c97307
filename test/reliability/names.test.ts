// Names, kinds and sizes of files that nobody expects: taken as they are, or refused in words. Nothing hangs, nothing is moved that is not ours.

import { execFileSync } from "node:child_process";
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { benchOf, contentOf, oneTarget, plainExpfile, plainRule, type Bench } from "./bench.ts";
import { countOf, patience } from "./counts.ts";

const oddNames = [
  "with space.txt",
  "ünï→cødé 日本.txt",
  "e\u0301 (decomposed).txt",
  "new\nline.txt",
  "tab\tand\rreturn.txt",
  "'quotes' \"double\" `back`.txt",
  "-rf.txt",
  "$HOME;echo.txt",
  "[brackets]{braces}*?.txt",
  "#hash%20.txt",
  "back\\slash.txt",
  `${"x".repeat(251)}.txt`,
];

const listIn =
  'await outputs.out.write(JSON.stringify(inputs.files[0].map((one) => fs.readFileSync(one.path, "utf8"))));';
const treeIn =
  'await outputs.out.write(JSON.stringify(inputs.tree.files().map((name) => [name, fs.readFileSync(inputs.tree.file(name), "utf8")])));';
const treeSlots = "inputs: { tree: tree() }, outputs: { out: text() }";
const treeWiring = '{ tree: source("data", tree()) }';

function readOut<T>(bench: Bench): T {
  return JSON.parse(bench.rig.read("runs/default/it/out.txt")) as T;
}

/** The build refuses, in words that hold `says`. */
async function expectRefused(bench: Bench, code: number, says: RegExp): Promise<void> {
  const done = await bench.exp("build");
  expect(done.stdout + done.stderr).not.toContain("internal error");
  expect(done.stdout + done.stderr).toMatch(says);
  expect(done.code).toBe(code);
}

test("files with odd names are matched by a glob, and each edit and each new one counts", async () => {
  const bench = benchOf(
    oneTarget('inputs: { files: sourceFiles(() => ["data/**"]) }, outputs: { out: text() }', listIn),
  );
  const names = [...oddNames, "paragraph\u2029and\u2028line.txt", "in\na folder/with\n😀.txt"];
  for (const name of names) bench.rig.write({ [`data/${name}`]: `in ${name}` });
  await bench.build();
  expect(readOut<string[]>(bench).sort()).toEqual(names.map((name) => `in ${name}`).sort());
  for (const name of names) {
    bench.rig.write({ [`data/${name}`]: `new ${name}` });
    await bench.build();
    expect(readOut(bench)).toContain(`new ${name}`);
  }
  bench.rig.write({ "data/another one.txt": "another" });
  await bench.build();
  expect(readOut(bench)).toContain("another");
});

test("a tree with odd names, in and out, comes through whole", async () => {
  const files = Object.fromEntries(oddNames.map((name) => [`data/deep/${name}`, `in ${name}`]));
  const bench = benchOf({
    ...plainExpfile(
      ["copy", "it"],
      'const c = copy({ tree: source("data", tree()) }); return { copy: c, it: it({ tree: c.copied }) };',
    ),
    ...plainRule(
      "copy",
      "inputs: { tree: tree() }, outputs: { copied: tree() }",
      "for (const name of inputs.tree.files()) fs.copyFileSync(inputs.tree.file(name), outputs.copied.file(name));",
    ),
    ...plainRule("it", treeSlots, treeIn),
    ...files,
  });
  await bench.build();
  const expected = oddNames.map((name) => [`deep/${name}`, `in ${name}`]).sort((a, b) => (a[0]! < b[0]! ? -1 : 1));
  expect(readOut(bench)).toEqual(expected);
  for (const name of oddNames)
    expect(readFileSync(bench.rig.path(`runs/default/copy/copied/deep/${name}`), "utf8")).toBe(`in ${name}`);
  expect((await bench.exp("build")).stdout).toContain("up to date");
});

test("links in an input folder are gone through, to files and to folders; one into nothing or in a circle is refused", async () => {
  const bench = benchOf({
    ...oneTarget(treeSlots, treeIn, treeWiring),
    "data/a.txt": "a",
    "other/b.txt": "b",
    "other/deep/c.txt": "c",
  });
  symlinkSync("../other", bench.rig.path("data/linked"));
  symlinkSync("../other/b.txt", bench.rig.path("data/link.txt"));
  for (const [name, to, says] of [
    ["other/deep/up", "..", /data\/linked\/deep\/up is a link to \.\., which leads back to a folder above it/],
    ["data/self", ".", /data\/self is a link to \., which leads back to a folder above it/],
    ["data/loop", "loop", /data\/loop is a link to loop, which leads back to it/],
    ["data/dangling", "nowhere", /data\/dangling is a link to nowhere, which does not exist/],
    ["data/zero", "/dev/zero", /data\/zero is a link to \/dev\/zero, which is a device/],
    ["data/up", "..", /data\/up\/data is reached again from inside, by a link/],
  ] as const) {
    symlinkSync(to, bench.rig.path(name));
    await expectRefused(bench, 2, says);
    bench.rig.remove(name);
  }
  await bench.build();
  const right = [["a.txt", "a"], ["link.txt", "b"], ["linked/b.txt", "b"], ["linked/deep/c.txt", "c"]]; // prettier-ignore
  expect(readOut(bench)).toEqual(right);
  bench.rig.write({ "other/deep/new.txt": "new" });
  await bench.build();
  expect(readOut(bench)).toContainEqual(["linked/deep/new.txt", "new"]);
  symlinkSync("nowhere", bench.rig.path("data/dangling"));
  bench.rig.write({ "data/nowhere": "somewhere" });
  await bench.build();
  expect(readOut(bench)).toContainEqual(["dangling", "somewhere"]);
});

test("a glob over links in circles ends, and a file that is new behind a link counts", async () => {
  const bench = benchOf({
    ...oneTarget('inputs: { files: sourceFiles(() => ["data/**/*.txt"]) }, outputs: { out: text() }', listIn),
    "data/a.txt": "a",
    "other/b.txt": "b",
  });
  symlinkSync(".", bench.rig.path("data/self"));
  symlinkSync("../other", bench.rig.path("data/linked"));
  await bench.build();
  expect(readOut(bench)).toContain("b");
  bench.rig.write({ "other/c.txt": "c" });
  await bench.build();
  expect(readOut(bench)).toContain("c");
});

const textIn = oneTarget(
  "inputs: { data: text() }, outputs: { out: text() }",
  "await outputs.out.write(await inputs.data.read());",
  '{ data: source("data", text()) }',
);

test("a pipe, a device, a folder, a name that is too long, a missing file as an input are refused in words", async () => {
  const bench = benchOf(textIn);
  execFileSync("mkfifo", [bench.rig.path("data")]);
  await expectRefused(bench, 2, /data is neither a file nor a folder/);
  bench.rig.remove("data");
  symlinkSync("/dev/zero", bench.rig.path("data"));
  await expectRefused(bench, 2, /data is neither a file nor a folder/);
  bench.rig.remove("data");
  bench.rig.write({ "data/a.txt": "a" });
  await expectRefused(bench, 2, /data is a folder, and the input "data" takes files/);
  bench.rig.remove("data");
  await expectRefused(bench, 2, /data does not exist/);
  symlinkSync("data", bench.rig.path("data"));
  await expectRefused(bench, 2, /data does not exist/);
  bench.rig.remove("data");
  const long = "y".repeat(300);
  bench.rig.edit("Expfile.ts", 'source("data"', `source("${long}"`);
  await expectRefused(bench, 2, /y does not exist/);
  bench.rig.edit("Expfile.ts", `source("${long}"`, 'source("data/in/a/file"');
  bench.rig.write({ data: "a file" });
  await expectRefused(bench, 2, /does not exist/);
});

test("a file where the input takes a folder is refused in words", async () => {
  const bench = benchOf({ ...oneTarget(treeSlots, treeIn, treeWiring), data: "a file" });
  await expectRefused(bench, 2, /data is a file, and the input "tree" takes a folder/);
});

test("links between folders that are many are refused before they are followed every way", async () => {
  const bench = benchOf({ ...oneTarget(treeSlots, treeIn, treeWiring) });
  const names = Array.from({ length: 24 }, (_, i) => `folder${i}`);
  for (const name of names) {
    bench.rig.write({ [`data/${name}/a.txt`]: "a" });
    for (const other of names) symlinkSync(`../${other}`, bench.rig.path(`data/${name}/to-${other}`));
  }
  await expectRefused(bench, 2, /which leads back to a folder above it/);
});

test("a pipe, a socket among the files of a folder are refused in words, and hang nothing", async () => {
  const bench = benchOf({ ...oneTarget(treeSlots, treeIn, treeWiring), "data/a.txt": "a" });
  execFileSync("mkfifo", [bench.rig.path("data/pipe.txt")]);
  await expectRefused(bench, 2, /data\/pipe\.txt is a named pipe/);
  bench.rig.remove("data/pipe.txt");
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(bench.rig.path("data/socket"), resolve));
  await expectRefused(bench, 2, /data\/socket is a socket/);
  await new Promise((resolve) => server.close(resolve));
  await bench.build();
  expect(readOut(bench)).toEqual([["a.txt", "a"]]);
});

const outside: readonly (readonly [name: string, body: string, says: RegExp])[] = [
  ["../x", 'fs.writeFileSync(outputs.out.file("../x"), "x");', /leads outside of the tree/],
  ["a/../../x", 'fs.writeFileSync(outputs.out.file("a/../../x"), "x");', /leads outside of the tree/],
  [".", 'fs.writeFileSync(outputs.out.file("."), "x");', /leads outside of the tree/],
  [
    "a link to a file",
    'outputs.out.path; fs.symlinkSync("/etc/hostname", outputs.out.path + "/link");',
    /holds "link", which is not a plain file/,
  ],
  [
    "a link to a folder",
    'outputs.out.path; fs.symlinkSync("/etc", outputs.out.path + "/link");',
    /holds "link", which is not a plain file/,
  ],
  [
    "a pipe",
    'await new Promise((r) => spawn("mkfifo", [outputs.out.path + "/pipe"]).on("exit", r));',
    /holds "pipe", which is not a plain file/,
  ],
];
for (const [name, body, says] of outside) {
  test(`a tree that is to hold ${name} is refused`, async () => {
    const bench = benchOf(oneTarget("outputs: { out: tree() }", body));
    await expectRefused(bench, 1, says);
    expect(existsSync(bench.rig.path("runs/default/it"))).toBe(false);
  });
}

test("an absolute name in a tree stays inside of it", async () => {
  const bench = benchOf(oneTarget("outputs: { out: tree() }", 'fs.writeFileSync(outputs.out.file("/etc/x"), "x");'));
  await bench.build();
  expect(bench.rig.read("runs/default/it/out/etc/x")).toBe("x");
});

test("a link in place of a tree is refused, and the folder that it leads to keeps its files", async () => {
  const bench = benchOf({
    ...oneTarget(
      "outputs: { out: tree() }",
      'const place = outputs.out.path; fs.rmdirSync(place); fs.symlinkSync(process.env.EXP_TEST_MARKS + ".folder", place);',
    ),
  });
  const folder = `${bench.marks.file}.folder`;
  mkdirSync(folder);
  writeFileSync(join(folder, "precious.txt"), "precious");
  await expectRefused(bench, 1, /symbolic link/);
  expect(readFileSync(join(folder, "precious.txt"), "utf8")).toBe("precious");
});

for (const [name, body, says] of [
  ["a link", 'fs.symlinkSync("/etc/hostname", outputs.out.path);', /is a symbolic link/],
  ["a link to nothing", 'fs.symlinkSync("nowhere", outputs.out.path);', /is a symbolic link/],
  ["a folder", "fs.mkdirSync(outputs.out.path);", /is not a plain file/],
  ["a pipe", 'await new Promise((r) => spawn("mkfifo", [outputs.out.path]).on("exit", r));', /is not a plain file/],
] as const) {
  test(`${name} in place of an output file is refused`, async () => {
    const bench = benchOf(oneTarget("outputs: { out: text() }", body));
    await expectRefused(bench, 1, says);
  });
}

test("an output that is another name of an input leaves the input as it was", async () => {
  const bench = benchOf({
    ...oneTarget(
      "inputs: { data: text() }, outputs: { out: text() }",
      "fs.linkSync(fs.realpathSync(inputs.data.path), outputs.out.path);",
      '{ data: source("data.txt", text()) }',
    ),
  });
  // Of one file system with the cache, so that the link can be made.
  writeFileSync(bench.rig.path("data.txt"), "data");
  await bench.build();
  expect(statSync(bench.rig.path("data.txt")).mode & 0o777).toBe(0o644);
  writeFileSync(bench.rig.path("data.txt"), "edit");
  linkSync(bench.rig.path("data.txt"), bench.rig.path("spare.txt"));
  bench.rig.remove("runs/default/it");
  await bench.build();
  expect(bench.rig.read("runs/default/it/out.txt")).toBe("edit");
});

test("an output that somebody made a link is put back as a file, and what it led to is left alone", async () => {
  const bench = benchOf(oneTarget("outputs: { out: text() }", 'await outputs.out.write("right");'));
  await bench.build();
  bench.rig.write({ "mine.txt": "mine" });
  bench.rig.remove("runs/default/it/out.txt");
  symlinkSync(bench.rig.path("mine.txt"), bench.rig.path("runs/default/it/out.txt"));
  await bench.build();
  expect(lstatSync(bench.rig.path("runs/default/it/out.txt")).isFile()).toBe(true);
  expect(bench.rig.read("runs/default/it/out.txt")).toBe("right");
  expect(bench.rig.read("mine.txt")).toBe("mine");
});

const sparseBytes = countOf("sparseGiB") * 2 ** 30;
test(`a sparse input of ${countOf("sparseGiB")} GiB is hashed in bounded memory`, patience, async () => {
  const bench = benchOf(
    oneTarget(
      "inputs: { data: file('.bin') }, outputs: { out: text() }",
      "await outputs.out.write(String(fs.statSync(inputs.data.path).size));",
      '{ data: source("data.bin", file(".bin")) }',
    ),
  );
  writeFileSync(bench.rig.path("data.bin"), "");
  truncateSync(bench.rig.path("data.bin"), sparseBytes);
  // The driver may not grow beyond what it needs without the file, by far.
  await bench.rig.build([], 0, { env: { ...bench.options.env, NODE_OPTIONS: "--max-old-space-size=256" } });
  expect(bench.rig.read("runs/default/it/out.txt")).toBe(String(sparseBytes));
  expect((await bench.exp("build")).stdout).toContain("up to date");
});

const wide = countOf("treeFiles");
test(`a tree of ${wide} files is made, placed, handed on and found up to date`, patience, async () => {
  const bench = benchOf({
    ...plainExpfile(["many", "it"], "const m = many(); return { many: m, it: it({ tree: m.files }) };"),
    ...plainRule(
      "many",
      "outputs: { files: tree() }",
      `for (let i = 0; i < ${wide}; i++) fs.writeFileSync(outputs.files.file((i % 100) + "/" + i), String(i % 50));`,
    ),
    ...plainRule("it", treeSlots, "await outputs.out.write(String(inputs.tree.files().length));"),
  });
  await bench.build();
  expect(bench.rig.read("runs/default/it/out.txt")).toBe(String(wide));
  expect(Object.keys(contentOf(bench.rig.path("runs/default/many/files")))).toHaveLength(wide);
  expect((await bench.exp("build")).stdout).toContain("up to date");
  bench.rig.write({ "runs/default/many/files/7/7": "edited" });
  const built = await bench.build();
  expect(built.events.map((event) => event.kind)).toContain("output-set-aside");
  expect(bench.rig.read("runs/default/many/files/7/7")).toBe("7");
});
