import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { readTable, writeTable } from "expfile/table";
import { prepareContract, type PrepareSummary } from "../../rules/peptides/prepare.ts";
import { peptideColumns, rejectColumns, sequenceColumns } from "../../rules/peptides/tables.ts";
import { readSource } from "../../rules/peptides/prepare/source.ts";
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

  test.each([
    [";", 'id;"note; free";seq\na1;"two, ""quoted""";GIGKFLHSAK\na2;;KLAKLAK\n'],
    ["\t", 'id\t"note, free"\tseq\na1\t"a\ttab"\tGIGKFLHSAK\na2\t\tKLAKLAK\n'],
    ["|", "id|note|seq\na1|x|GIGKFLHSAK\na2||KLAKLAK\n"],
  ])("CSV with the delimiter %j, whatever the file is called", async (delimiter, text) => {
    for (const name of ["x.csv", "x.txt"]) {
      const made = await prepareText(name, text, { ...columns, delimiter });
      expect((await peptidesOf(made)).map(({ source_id, sequence }) => [source_id, sequence])).toEqual(rows);
    }
  });

  test("a file that is delimited otherwise than said, with what to say", async () => {
    const failure = async (name: string, text: string, source: object = {}) =>
      prepareText(name, text, { ...columns, ...source }).then(
        () => "it was read",
        (error: unknown) => (error as Error).message,
      );
    expect(await failure("x.csv", "id;seq\na1;KLA,K\n")).toContain(
      'line 2: it has 2 fields, "a1;KLA", "K", but the header in line 1 names 1 column, "id;seq". Its fields are separated by semicolons: say delimiter: ";"',
    );
    expect(await failure("x.csv", "id,seq\na1,KLAK\n", { delimiter: ";" })).toMatch(
      /separated by commas: say delimiter: ","\.$/,
    );
    expect(await failure("x.tsv", "id;seq\na1;KLAK\n")).toMatch(
      /separated by semicolons: say format: csv and delimiter: ";"\.$/,
    );
    expect(await failure("x.csv", 'id;seq\n"a1"x;KLAK\n', { delimiter: ";" })).toContain(
      "other than a semicolon follows",
    );
    await expect(prepareText("x.fasta", ">a\nKLAK\n", { format: "fasta", delimiter: ";" })).rejects.toThrow(
      "must not have a delimiter with a format other than csv",
    );
  });

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

  /** The message, with the file's name alone in place of its path. */
  async function problemOf(name: string, content: string | Uint8Array, source: object = {}): Promise<string> {
    const message = await prepareText(name, content, source).then(
      () => "it was read",
      (error: unknown) => (error as Error).message,
    );
    return message.replace(/\([^()]*\/([^/()]+)\)/, "($1)");
  }

  const mapped = { columns: { sequence: "seq", class: "kind" } };

  test.each<[string, string, string | Uint8Array, object]>([
    ["a column in other letters", "x.csv", "id,Sequence,class\na,KLAKLAK,x\n", {}],
    ["a column of another name that holds sequences", "x.csv", "id,letters\na,KLAKLAK\n", {}],
    ["two missing columns", "x.csv", "sq,knd\nKLAKLAK,x\n", mapped],
    ["a missing column in JSON lines", "x.jsonl", '{"Seq":"KLAKLAK"}\n', mapped],
    ["a missing column in FASTA", "x.fasta", ">a\nKLAKLAK\n", mapped],
    ["no header line", "x.csv", "KLAKLAK,1\nGIGKF,2\n", {}],
    ["semicolons", "x.csv", "sequence;class\nKLAKLAK;x\n", {}],
    ["tabs in a CSV", "x.csv", "sequence\tclass\nKLAKLAK\tx\n", {}],
    ["commas in a TSV", "x.tsv", "sequence,class\nKLAKLAK,x\n", {}],
    ["an empty CSV", "x.csv", "", mapped],
    ["a CSV of empty lines", "x.csv", "\ufeff\r\n\r\n", {}],
    ["a header and nothing else", "x.csv", "sequence\n", {}],
    ["two columns of one name", "x.csv", "sequence,a,a\n", {}],
    ["a row with a field too many", "x.csv", "sequence,a\nKLAKLAK,1\nKLAKL,1,2\n", {}],
    ["a row with a field too few", "x.csv", 'sequence,a,b\n"KLA\nKLAK",1\n', {}],
    ["a row with a tab too many", "x.tsv", "sequence\ta\nKLAKLAK\t1\t2\n", {}],
    ["a long field", "x.csv", `sequence,a\n${"K".repeat(100_000)}\n`, {}],
    ["a quote without an end", "x.csv", 'sequence,note\nKLAKL,"a ""b"""\nKLAKLAK,"5 long\nGIGKF,x\n', {}],
    ["a quote inside a field", "x.csv", 'sequence,note\nKLAKL,5" long\n', {}],
    ["text after a closing quote", "x.csv", 'sequence,note\nKLAKL,"5" long\n', {}],
    ["Latin-1", "x.csv", bytes("sequence,name\nKLAKL,m", 0xe9, "l\n"), {}],
    ["UTF-16", "x.tsv", bytes(0xff, 0xfe, "s", 0), {}],
    ["UTF-16 without a mark", "x.csv", Buffer.from("sequence\nKLAKL\n", "utf16le"), {}],
    ["a compressed file under another name", "x.csv", bytes(0x1f, 0x8b, 8, 0), {}],
    ["a spreadsheet under another name", "x.csv", bytes("PK", 3, 4, "abc"), {}],
    ["a web page", "x.csv", "\n<!DOCTYPE html>\n<html>\n", {}],
    ["a pointer of Git LFS", "x.csv", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", {}],
    ["Parquet under another name", "x.csv", "PAR1", {}],
    ["a compressed file", "x.csv.gz", bytes(0x1f, 0x8b, 8, 0), {}],
    ["a spreadsheet", "x.xlsx", bytes("PK", 3, 4, "abc"), {}],
    ["a JSON file", "x.json", "[]", {}],
    ["an extension that says nothing", "x.dat", "sequence\n", {}],
    ["a FASTA file that is none", "x.fasta", "\nKLAKL\n", {}],
    ["a table that is called FASTA", "x.fasta", "id,sequence\na,KLAKL\n", {}],
    ["FASTQ", "x.fa", "@read\nACGT\n+\nIIII\n", {}],
    ["an empty FASTA file", "x.fasta", "; nothing yet\n", {}],
    ["a list in JSON lines", "x.jsonl", '{"seq":"KLAKL"}\n[1]\n', { columns: { sequence: "seq" } }],
    ["half a character in JSON", "x.jsonl", '{"sequence":"K\\ud800"}\n', {}],
    ["Parquet that is none", "x.parquet", "sequence\nKLAKL\n", {}],
    ["Parquet that is cut off", "x.parquet", bytes("PAR1", 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), {}],
    ["an empty Parquet file", "x.parquet", "", {}],
    ["nothing but rejects", "x.csv", "sequence\nKLX\nKL\n", {}],
  ])("%s", async (_what, name, content, source) => {
    const problem = await problemOf(name, content, source);
    expect(problem.length).toBeLessThan(600);
    expect(problem).toMatchSnapshot();
  });

  test("JSON that is cut off, or printed over several lines, names its line", async () => {
    expect(await problemOf("x.jsonl", '{"sequence":"KLAKL"}\n{"sequence":\n')).toMatch(
      /^source "s" \(x\.jsonl\), line 2: it is not JSON: .*Each line is an object by itself/,
    );
    expect(await problemOf("x.jsonl", '[\n  {"sequence":"KLAKL"}\n]\n')).toMatch(/line 1: it is not JSON: .*jq -c/);
  });

  test("of several files the one is named", async () => {
    const folder = folderOf({ "a.csv": "sequence\nKLAKL\n", "b.csv": "sequence\n" + '"KLAKL\n' });
    const { sources } = prepareContract.config.parse({ sources: [{ name: "s", path: "data/*.csv" }] });
    const read = readSource(
      sources[0]!,
      ["a.csv", "b.csv"].map((name) => join(folder, name)),
    );
    await expect(read).rejects.toThrow('source "s" (file 2 of 2 of data/*.csv), line 2: a field begins with "');
  });

  test("columns without a name, line ends of old Macs and empty lines at the end are no trouble", async () => {
    const made = await prepareText("x.csv", "sequence,,\rKLAKL,,\rGIGKF,,\r\r");
    expect((await peptidesOf(made)).map(({ sequence }) => sequence)).toEqual(["KLAKL", "GIGKF"]);
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
