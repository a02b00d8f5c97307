// Guards for input that callers can get wrong. Each throws a RangeError that names the function, the fault and the remedy.

/** Throws unless every value is a finite number and there are at least `atLeast` of them. */
export function checkNumbers(where: string, name: string, values: readonly number[], atLeast = 1): void {
  if (!Array.isArray(values)) throw new RangeError(`${where}: ${name} must be an array of numbers.`);
  if (values.length < atLeast) {
    throw new RangeError(
      `${where}: ${name} has ${values.length} value${values.length === 1 ? "" : "s"}, but at least ${atLeast} ${atLeast === 1 ? "is" : "are"} needed; collect more.`,
    );
  }
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new RangeError(
      `${where}: ${name}[${bad}] is ${String(values[bad])}, not a finite number; drop or impute missing values first.`,
    );
  }
}

/** Throws unless `x` and `y` are finite, equally long and have at least `atLeast` pairs. */
export function checkPairs(where: string, x: readonly number[], y: readonly number[], atLeast = 1): void {
  checkNumbers(where, "x", x, atLeast);
  checkNumbers(where, "y", y, atLeast);
  if (x.length !== y.length) {
    throw new RangeError(
      `${where}: x has ${x.length} values and y has ${y.length}; pairs need equally many, in the same order.`,
    );
  }
}

/** Throws unless `0 < level < 1`, as a confidence level or a significance level must be. */
export function checkFraction(where: string, name: string, value: number): void {
  if (!(value > 0 && value < 1)) {
    throw new RangeError(`${where}: ${name} is ${value}, but must lie strictly between 0 and 1, such as 0.95 or 0.05.`);
  }
}

/** Throws unless `value` is a whole number in `[low, high]`. */
export function checkCount(where: string, name: string, value: number, low: number, high = Infinity): void {
  if (!Number.isInteger(value) || value < low || value > high) {
    const range = high === Infinity ? `at least ${low}` : `between ${low} and ${high}`;
    throw new RangeError(`${where}: ${name} is ${value}, but must be a whole number ${range}.`);
  }
}

/** Throws unless `value` is finite and greater than zero. */
export function checkPositive(where: string, name: string, value: number): void {
  if (!(value > 0 && value < Infinity)) {
    throw new RangeError(`${where}: ${name} is ${value}, but must be a finite number greater than 0.`);
  }
}

/** Throws unless `table` is a rectangle of finite, non-negative numbers with at least the given rows and columns. */
export function checkCounts(where: string, table: readonly (readonly number[])[], rows = 1, columns = 1): void {
  const width = table[0]?.length ?? 0;
  if (table.length < rows || width < columns) {
    throw new RangeError(
      `${where}: the table is ${table.length} × ${width}, but must be at least ${rows} × ${columns}.`,
    );
  }
  table.forEach((row, i) => {
    if (row.length !== width) {
      throw new RangeError(
        `${where}: row ${i} has ${row.length} columns and row 0 has ${width}; fill the missing cells with 0.`,
      );
    }
    const bad = row.findIndex((value) => !(value >= 0 && value < Infinity));
    if (bad >= 0) {
      throw new RangeError(
        `${where}: cell [${i}][${bad}] is ${String(row[bad])}, but counts must be finite and not negative.`,
      );
    }
  });
}
