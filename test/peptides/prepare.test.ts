import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { readTable, writeTable } from "expfile/table";
import { prepareContract, type PrepareSummary } from "../../rules/peptides/prepare.ts";
import { peptideColumns, rejectColumns, sequenceColumns } from "../../rules/peptides/tables.ts";
import { configOf, root, runPrepare, sectionOf } from "./experiment.ts";
import { emptyFolder, folderOf, type Handles } from "./fake-context.ts";

type Prepared = Handles<"peptides" | "sequences" | "rejects" | "slices" | "summary">;
const peptidesOf = (made: Prepared) => readTable(made.peptides, peptideColumns);
const rejectsOf = (made: Prepared) => readTable(made.rejects, rejectColumns);
const summaryOf = (made: Prepared): Promise<PrepareSummary> => made.summary.read();
const sliceOf = (made: Prepared, name: string) =>
  readTable({ path: made.slices.file(`${name}.parquet`) }, sequenceColumns);

/** Prepares one source with this content; `more` goes into the section, `source` into the source. */
async function prepareText(name: string, content: string | Uint8Array, source: object = {}, more: object = {}) {
  const path = relative(root, join(folderOf({ [name]: content }), name));
  return runPrepare(prepareContract.config.parse({ sources: [{ name: "s", path, ...source }], ...more }));
}

describe("the default dataset", () => {
  test("181 rows: 179 peptides, and two that are too long, each with its line", async () => {
    const made = await runPrepare(sectionOf(configOf("configs/default.yaml"), "prepare", prepareContract.config));
    const peptides = await peptidesOf(made);
    expect(peptides).toHaveLength(179);
    expect(peptides[2]).toEqual({
      peptide_id: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
      sequence: "YVPLPNVPQPGRRPFPTFPGQGPFNPKIKWPQGY",
      name: "abaecin",
      origin: "Apis mellifera",
      class: "antimicrobial",
      source: "known peptides",
      source_id: null,
      source_file: 1,
      source_row: 4,
    });
    const rejects = await rejectsOf(made);
    expect(rejects.map(({ reason, detail }) => [reason, detail])).toEqual([
      ["too long", "52 residues; at most 50"],
      ["too long", "54 residues; at most 50"],
    ]);
    expect(await summaryOf(made)).toMatchObject({
      sources: [{ rows: 181, accepted: 179, files: 1, rejected: [{ reason: "too long", count: 2 }] }],
      slices: [
        { name: "all", peptides: 179 },
        { name: "first-100", peptides: 100 },
        { name: "random-50", peptides: 50 },
        { name: "shuffled", peptides: 179 },
      ],
    });
  });
});

describe("formats", () => {
  const rows = [
    ["a1", "GIGKFLHSAK"],
    ["a2", "KLAKLAK"],
  ] as const;
  const columns = { columns: { id: "id", sequence: "seq" } };

  test("CSV: a byte order mark, CRLF, quotes, commas and line ends in fields; rows are named by the line they begin on", async () => {
    const text =
      '\ufeffid,"note, free",seq\r\na1,"two\r\nlines, ""quoted""",GIGKFLHSAK\r\n\r\na2,,KLAKLAK\r\na3,, KLAX \r\n';
    const made = await prepareText("x.csv", text, columns);
    expect(
      (await peptidesOf(made)).map(({ source_id, sequence, source_row }) => [source_id, sequence, source_row]),
    ).toEqual([
      ["a1", "GIGKFLHSAK", 2],
      ["a2", "KLAKLAK", 5],
    ]);
    expect((await rejectsOf(made)).map(({ source_row, sequence }) => [source_row, sequence])).toEqual([[6, "KLAX"]]);
  });

  test.each([
    ["TSV, where quotes mean nothing", "x.tsv", 'id\tseq\tnote\na1\tGIGKFLHSAK\t5" long\na2\tKLAKLAK\t\n', columns],
    ["JSON lines", "x.jsonl", '{"id":"a1","seq":"GIGKFLHSAK"}\n\n{"seq":"KLAKLAK","id":"a2","more":[1]}\n', columns],
    ["FASTA on several lines", "x.fasta", "; made up\n>a1 the first\nGIGKF\nLHSAK\n\n>a2\r\nKLAK LAK\n", {}],
    ["a format that the config names", "x.txt", "id,seq\na1,GIGKFLHSAK\na2,KLAKLAK\n", { ...columns, format: "csv" }],
  ])("%s", async (_format, name, text, source) => {
    const peptides = await peptidesOf(await prepareText(name, text, source));
    expect(peptides.map(({ source_id, sequence }) => [source_id, sequence])).toEqual(rows);
  });

  test("Parquet, with columns that nobody asked for", async () => {
    const path = join(emptyFolder(), "x.parquet");
    const stored = rows.map(([id, seq], i) => ({ id, seq, score: i / 2, note: null }));
    await writeTable({ path }, { id: "string", seq: "string", score: "double", note: "string?" }, stored);
    const source = { name: "s", path: relative(root, path), ...columns };
    const peptides = await peptidesOf(await runPrepare(prepareContract.config.parse({ sources: [source] })));
    expect(peptides.map(({ source_id, sequence, source_row }) => [source_id, sequence, source_row])).toEqual([
      ["a1", "GIGKFLHSAK", 1],
      ["a2", "KLAKLAK", 2],
    ]);
  });

  test("FASTA names a peptide by its description", async () => {
    const [first, second] = await peptidesOf(await prepareText("x.fa", ">a1 the first one\nGIGKF\n>a2\nKLAKL\n"));
    expect([first!.name, second!.name]).toEqual(["the first one", null]);
  });
});

describe("what cannot be read is an error that says where", () => {
  const bytes = (...parts: (string | number)[]): Uint8Array =>
    Buffer.concat(parts.map((part) => (typeof part === "number" ? Buffer.of(part) : Buffer.from(part))));

  test.each<[string, string, string | Uint8Array, object, string]>([
    [
      "a missing column, with those that are there",
      "x.csv",
      "id,Sequence,class\na,KLAKLAK,x\n",
      {},
      'source "s": there is no column "sequence" for the sequence. Did you mean "Sequence"? The file has the columns "id", "Sequence", "class".',
    ],
    [
      "a missing column in JSON lines",
      "x.jsonl",
      '{"seq":"KLAKLAK"}\n',
      {},
      'source "s": there is no column "sequence" for the sequence. The file has the columns "seq".',
    ],
    ["an empty CSV", "x.csv", "", {}, 'source "s": it is empty; a header line with the names of the columns is needed'],
    ["two columns of one name", "x.csv", "sequence,a,a\n", {}, 'source "s", line 1: two columns are called "a"'],
    [
      "a row with a field too many",
      "x.csv",
      "sequence,a\nKLAKLAK,1\nKLAKL,1,2\n",
      {},
      'source "s", line 3: Invalid Record Length: expect 2, got 3 on line 3',
    ],
    [
      "a quote without an end",
      "x.csv",
      'sequence\nKLAKL\n"KLAKLAK\n',
      {},
      'source "s", line 3: Quote Not Closed: the parsing is finished with an opening quote at line 3',
    ],
    [
      "bytes that are no text",
      "x.csv",
      bytes("sequence\nKLAKL\nKL", 0xff, "\n"),
      {},
      'source "s", line 3: it is not UTF-8 text; convert it first, as with iconv -t utf-8',
    ],
    [
      "UTF-16",
      "x.tsv",
      bytes(0xff, 0xfe, "s", 0),
      {},
      'source "s", line 1: it is not UTF-8 text; convert it first, as with iconv -t utf-8',
    ],
    [
      "a FASTA file that is none",
      "x.fasta",
      "\nKLAKL\n",
      {},
      'source "s", line 2: a FASTA file begins with a line ">name"; this is something else',
    ],
    ["a list in JSON lines", "x.jsonl", '{"sequence":"KLAKL"}\n[1]\n', {}, 'source "s", line 2: an object is expected'],
    [
      "half a character in JSON",
      "x.jsonl",
      '{"sequence":"K\\ud800"}\n',
      {},
      'source "s", line 1: "sequence" is not well-formed text',
    ],
    [
      "Parquet that is none",
      "x.parquet",
      "sequence\nKLAKL\n",
      {},
      'source "s": not a readable table: it does not end like a Parquet file',
    ],
    [
      "an extension that says nothing",
      "x.dat",
      "sequence\n",
      {},
      'source "s": the extension ".dat" does not tell the format; say format: csv, tsv, fasta, jsonl or parquet',
    ],
    [
      "nothing but rejects",
      "x.csv",
      "sequence\nKLX\nKL\n",
      {},
      "none of the 2 rows passed: 1 unknown residue, 1 too short",
    ],
  ])("%s", async (_what, name, content, source, message) => {
    await expect(prepareText(name, content, source)).rejects.toThrow(new Error(message));
  });

  test("JSON that is cut off names its line", async () => {
    await expect(prepareText("x.jsonl", '{"sequence":"KLAKL"}\n{"sequence":\n')).rejects.toThrow(
      'source "s", line 2: it is not JSON',
    );
  });

  test("columns with hostile names are columns like others", async () => {
    const made = await prepareText("x.csv", "__proto__,sequence,constructor\nx,KLAKL,y\n", {
      columns: { id: "__proto__" },
    });
    expect((await peptidesOf(made))[0]).toMatchObject({ sequence: "KLAKL", source_id: "x" });
  });
});

describe("what is not kept is listed with its row and reason", () => {
  const text = [
    "sequence,kind",
    "KLAKLAK,a",
    "KLXKLZXK,a",
    "klaklak,a",
    ",a",
    "KLA,a",
    `${"K".repeat(61)},a`,
    "GIGKF,b",
    "KLAKLAK,a",
    "RRWWR,",
  ].join("\n");

  test("each reason, in the order of the file", async () => {
    const made = await prepareText("x.csv", text, { columns: { class: "kind" } }, { only: { class: ["a"] } });
    expect((await rejectsOf(made)).map(({ source_row, reason, detail }) => [source_row, reason, detail])).toEqual([
      [3, "unknown residue", "X at 3, 7; Z at 6"],
      [4, "unknown residue", "k at 1, 4, 7; l at 2, 5; a at 3, 6"],
      [5, "no sequence", "the cell is empty"],
      [6, "too short", "3 residues; at least 5"],
      [7, "too long", "61 residues; at most 60"],
      [8, "class not wanted", "b"],
      [9, "duplicate", "the same as s row 2"],
      [10, "class not wanted", "none is given"],
    ]);
    const [source] = (await summaryOf(made)).sources;
    expect(source!.accepted + source!.rejected.reduce((sum, { count }) => sum + count, 0)).toBe(source!.rows);
  });

  test("caps are an unknown residue, unless they are to be taken off", async () => {
    const capped = "sequence\nAc-DTHFEIA-NH2\nDTHFEIA\nH-KLAKL-OH\nGIGKF\n";
    expect((await rejectsOf(await prepareText("x.csv", capped))).map(({ reason }) => reason)).toEqual([
      "unknown residue",
      "unknown residue",
    ]);
    const made = await prepareText("x.csv", capped, {}, { letters: "strip-caps" });
    expect((await peptidesOf(made)).map(({ sequence }) => sequence)).toEqual(["DTHFEIA", "KLAKL", "GIGKF"]);
    expect((await rejectsOf(made)).map(({ source_row, reason }) => [source_row, reason])).toEqual([[3, "duplicate"]]);
    expect((await summaryOf(made)).sources[0]!.stripped).toBe(2);
  });

  test("the first source wins over a later one; constants fill what a file does not say", async () => {
    const folder = folderOf({ "a.csv": "sequence\nKLAKL\n", "b.csv": "sequence,class\nKLAKL,x\nGIGKF,\nRRWWR,y\n" });
    const source = (name: string) => ({ name, path: relative(root, join(folder, `${name}.csv`)) });
    const second = { ...source("b"), columns: { class: "class" }, constants: { class: "z", origin: "O" } };
    const made = await runPrepare(prepareContract.config.parse({ sources: [source("a"), second] }));
    expect((await peptidesOf(made)).map((row) => [row.sequence, row.source, row.class, row.origin])).toEqual([
      ["KLAKL", "a", null, null],
      ["GIGKF", "b", "z", "O"],
      ["RRWWR", "b", "y", "O"],
    ]);
    expect((await rejectsOf(made))[0]!.detail).toBe("the same as a row 2");
  });
});

describe("files handed over by people", () => {
  const section = prepareContract.config.parse({ sources: [{ name: "h", from: "by-hand", file: "h.fasta" }] });

  test("are read like any source", async () => {
    const made = await runPrepare(section, folderOf({ "h.fasta": ">a\nKLAKL\n" }));
    expect((await peptidesOf(made)).map(({ sequence }) => sequence)).toEqual(["KLAKL"]);
    expect((await summaryOf(made)).sources[0]!.file).toBe("h.fasta");
  });

  test("one that nobody was asked for is an error that says where to ask", async () => {
    await expect(runPrepare(section, folderOf({ "g.fasta": "" }))).rejects.toThrow(
      'source "h" is the file "h.fasta" that somebody hands over, but the files handed over are "g.fasta"; ask for it under by-hand.requests',
    );
  });

  test.each([{ name: "x" }, { name: "x", path: "a", from: "by-hand", file: "b" }, { name: "x", from: "by-hand" }])(
    "a source is either a path or a file handed over: %j",
    (source) => {
      expect(prepareContract.config.safeParse({ sources: [source] }).error?.message).toContain(
        "must have either a path",
      );
    },
  );
});

describe("slices", () => {
  const text = `sequence,name\n${Array.from({ length: 40 }, (_, i) => `KLA${"ACDEFGHIKL"[i % 10]}${"MNPQRSTVWY"[Math.floor(i / 10)]}RW,peptide ${i}`).join("\n")}\n`;
  const slices = {
    all: { kind: "all" },
    few: { kind: "first", n: 3 },
    some: { kind: "random", n: 10, seed: 7 },
    other: { kind: "random", n: 10, seed: 8 },
    shuffled: { kind: "shuffled" },
  };
  const sorted = (sequence: string): string => [...sequence].sort().join("");

  test("are parts of the peptides; a shuffled one keeps each composition and no order", async () => {
    const made = await prepareText("x.csv", text, {}, { slices });
    const [all, few, some, other, shuffled] = await Promise.all(
      Object.keys(slices).map(async (name) => (await sliceOf(made, name)).map(({ sequence }) => sequence)),
    );
    expect(few).toEqual(all!.slice(0, 3));
    expect(some).toHaveLength(10);
    expect(some).not.toEqual(other);
    expect(some!.every((sequence) => all!.includes(sequence))).toBe(true);
    expect(shuffled!.map(sorted)).toEqual(all!.map(sorted));
    expect(shuffled).not.toEqual(all);
  });

  test("a corrected name or class changes no slice and no reference, so nothing is drawn or judged again", async () => {
    const columns = { columns: { name: "name" } };
    const before = await prepareText("x.csv", text, columns, { slices });
    const after = await prepareText("x.csv", text.replace("peptide 3\n", "melittin\n"), columns, { slices });
    expect(after.peptides.bytes().equals(before.peptides.bytes())).toBe(false);
    expect(after.sequences.bytes().equals(before.sequences.bytes())).toBe(true);
    expect(after.slices.files()).toEqual(before.slices.files());
    for (const file of after.slices.files())
      expect(await sliceOf(after, file.replace(".parquet", ""))).toEqual(
        await sliceOf(before, file.replace(".parquet", "")),
      );
  });
});

const data = process.env.EXP_DATA;

describe.skipIf(data === undefined || !existsSync(data))("real datasets (EXP_DATA)", () => {
  test.each([
    ["amp_modlamp_apd3_vs_uniprot.csv", { id: "id", class: "amp" }, 5200, 4450, { "too long": 193, duplicate: 557 }],
    ["anticancer_modlamp_cancppd_vs_tm.csv", { id: "id" }, 826, 826, {}],
    ["hemolysis_hemopi.csv", { id: "id", class: "hemolytic" }, 1104, 1092, { "too long": 11, "too short": 1 }],
    ["cell_penetrating_mlcpp.csv", { id: "id" }, 1903, 1902, { duplicate: 1 }],
    ["pepmlm_650M_generated.csv", { sequence: "Binder" }, 203, 125, { "unknown residue": 66, "too short": 12 }],
  ])("%s", async (file, columns, rows, accepted, rejected) => {
    const source = { name: "real", path: relative(root, join(data!, file)), columns };
    const made = await runPrepare(prepareContract.config.parse({ sources: [source] }));
    const [summary] = (await summaryOf(made)).sources;
    expect(summary).toMatchObject({ rows, accepted });
    expect(Object.fromEntries(summary!.rejected.map(({ reason, count }) => [reason, count]))).toEqual(rejected);
    expect(await rejectsOf(made)).toHaveLength(rows - accepted);
    expect(await peptidesOf(made)).toHaveLength(accepted);
  });

  test("a table that is none of peptides is refused with the columns that it has", async () => {
    const source = { name: "reviews", path: relative(root, join(data!, "human_expert_idea_reviews.csv")) };
    await expect(runPrepare(prepareContract.config.parse({ sources: [source] }))).rejects.toThrow(
      'there is no column "sequence" for the sequence. The file has the columns "review_id", "idea_id"',
    );
  });
});
