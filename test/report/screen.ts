// A terminal in memory: obeys the few sequences that the reporter and cli-progress write, and shows what a person would see.

export interface Screen {
  readonly columns: number;
  readonly rows: number;
  readonly isCursorShown: boolean;
  readonly isWrapping: boolean;
  /** Every byte that was written. */
  readonly raw: string;
  write(text: string): boolean;
  /** Lines as they stand, without empty ones at the end. */
  text(): string;
}

export function createScreen(columns = 80, rows = 24): Screen {
  const lines: string[][] = [[]];
  let [x, y] = [0, 0];
  let [isCursorShown, isWrapping] = [true, true];
  let raw = "";

  function line(): string[] {
    while (lines.length <= y) lines.push([]);
    return lines[y]!;
  }

  function put(character: string): void {
    if (x >= columns) {
      if (isWrapping) [x, y] = [0, y + 1];
      else x = columns - 1;
    }
    const cells = line();
    while (cells.length < x) cells.push(" ");
    cells[x++] = character;
  }

  function obey(parameters: string, command: string): void {
    const amount = parameters === "" ? undefined : Number(parameters);
    if (command === "A") y = Math.max(0, y - (amount ?? 1));
    else if (command === "B") y += amount ?? 1;
    else if (command === "G") x = (amount ?? 1) - 1;
    else if (command === "K" && (amount ?? 0) === 0) line().splice(x);
    else if (command === "K" && amount === 2) line().splice(0);
    else if (command === "J" && (amount ?? 0) === 0) {
      line().splice(x);
      lines.splice(y + 1);
    } else if (command === "m") return;
    else if (parameters === "?25") isCursorShown = command === "h";
    else if (parameters === "?7") isWrapping = command === "h";
    else throw new Error(`unknown sequence ${parameters}${command}`);
  }

  return {
    columns,
    rows,
    get isCursorShown() {
      return isCursorShown;
    },
    get isWrapping() {
      return isWrapping;
    },
    get raw() {
      return raw;
    },
    write: (text) => {
      raw += text;
      for (const [part, parameters, command] of text.matchAll(/\u001b\[([?\d;]*)([A-Za-z])|[^]/gu)) {
        if (command !== undefined) obey(parameters ?? "", command);
        else if (part === "\n") [x, y] = [0, y + 1];
        else if (part === "\r") x = 0;
        else put(part);
      }
      return true;
    },
    text: () => {
      const shown = lines.map((cells) =>
        Array.from(cells, (cell) => cell ?? " ")
          .join("")
          .trimEnd(),
      );
      return `${shown.join("\n").trimEnd()}\n`;
    },
  };
}
