// `npm run docs`: writes docs/library.md, what recipes may import beside `expfile` itself, from the sources and their docstrings. With `--print` it goes to
// the standard output instead. A group of exports is what stands between two empty lines; a comment above it is its heading.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { format } from "prettier";
import ts from "typescript";

const root = new URL("..", import.meta.url).pathname;
const modules = [
  {
    name: "expfile/stats",
    file: "src/stats/index.ts",
    about: `Pure functions without dependencies. Wrong input throws a \`RangeError\` that says what to do; no number is ever \`NaN\`: what cannot be
estimated is \`{ kind: "not-estimable", reason }\`. Each is held to reference values; the docstrings give sources and units.`,
  },
  {
    name: "expfile/table",
    file: "src/table.ts",
    about:
      "Typed tables as Parquet files. Inside of a recipe the slots of a contract do this already: `inputs.scores.read()`.",
  },
  {
    name: "expfile/seed",
    file: "src/seed.ts",
    about: "Seeds that depend on what they belong to, and on nothing else.",
  },
];

const { options } = ts.getParsedCommandLineOfConfigFile(
  join(root, "tsconfig.json"),
  {},
  {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: () => undefined,
  },
);
const program = ts.createProgram(
  modules.map(({ file }) => join(root, file)),
  options,
);
const checker = program.getTypeChecker();

const page = await format(
  `# What recipes may import

<!-- Written by \`npm run docs\`. Do not edit. -->

Beside \`expfile\` itself. What a recipe uses of these is code of the recipe, and is bundled into it: a newer exp that changes a function makes
stale what uses that function, and nothing else.

${modules.map(sectionOf).join("\n\n")}
`,
  { parser: "markdown", printWidth: 120 },
);
if (process.argv.includes("--print")) process.stdout.write(page);
else writeFileSync(join(root, "docs", "library.md"), page);

function sectionOf({ name, file, about }) {
  const source = program.getSourceFile(join(root, file));
  const groups = groupsOf(source).map(({ heading, symbols }) =>
    [...(heading === undefined ? [] : [`### ${heading}`]), tableOf(symbols)].join("\n\n"),
  );
  return [`## \`${name}\``, about, ...groups].join("\n\n");
}

function groupsOf(source) {
  const own = new Map(checker.getExportsOfModule(checker.getSymbolAtLocation(source)).map((one) => [one.name, one]));
  const groups = [];
  let lastEnd = -1;
  for (const statement of source.statements) {
    const names = namesOf(statement).filter((name) => isShown(own.get(name)));
    const between = source.text.slice(lastEnd, statement.getStart());
    if (lastEnd < 0 || /\n\s*\n/.test(between))
      groups.push({ heading: headingIn(source.text, statement), symbols: [] });
    groups.at(-1).symbols.push(...names.map((name) => own.get(name)));
    lastEnd = statement.end;
  }
  return groups.filter(({ symbols }) => symbols.length > 0);
}

function namesOf(statement) {
  if (ts.isExportDeclaration(statement) && !statement.isTypeOnly)
    return statement.exportClause.elements.map(({ name }) => name.text);
  if (ts.isFunctionDeclaration(statement)) return [statement.name.text];
  return [];
}

/** The last comment of one line right above it. */
function headingIn(text, statement) {
  const above = text.slice(statement.pos, statement.getStart()).trim().split("\n").at(-1);
  return above.startsWith("// # ") ? above.slice(5) : undefined;
}

function isShown(symbol) {
  return declarationOf(symbol) !== undefined;
}

function declarationOf(symbol) {
  return resolved(symbol).declarations.find((one) => ts.isFunctionDeclaration(one) || ts.isClassDeclaration(one));
}

function resolved(symbol) {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

function tableOf(symbols) {
  const rows = symbols.map((symbol) => `| \`${callOf(symbol)}\` | ${sentenceOf(symbol)} |`);
  return ["| function | what it gives |", "| --- | --- |", ...rows].join("\n");
}

/** `meanInterval({ values, level? })`. */
function callOf(symbol) {
  const declaration = declarationOf(symbol);
  if (ts.isClassDeclaration(declaration)) return symbol.name;
  return `${symbol.name}(${declaration.parameters.map(parameterOf).join(", ")})`;
}

function parameterOf({ name, dotDotDotToken, questionToken, initializer }) {
  const text = ts.isObjectBindingPattern(name)
    ? `{ ${name.elements.map((one) => `${(one.propertyName ?? one.name).getText()}${one.initializer === undefined ? "" : "?"}`).join(", ")} }`
    : name.getText();
  const isOptional = questionToken !== undefined || (initializer !== undefined && ts.isIdentifier(name));
  return `${dotDotDotToken === undefined ? "" : "…"}${text}${isOptional ? "?" : ""}`;
}

function sentenceOf(symbol) {
  const text = ts.displayPartsToString(resolved(symbol).getDocumentationComment(checker)).split(/\n\s*\n/)[0];
  if (text === "") throw new Error(`${symbol.name} has no docstring`);
  const line = text.replaceAll(/\s+/g, " ").trim();
  // Not the initial of a name.
  return (/^.*?(?<![A-Z])\.(?= [A-Z]|$)/.exec(line)?.[0] ?? line).replaceAll("|", "\\|");
}
