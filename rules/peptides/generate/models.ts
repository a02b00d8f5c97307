/** The models of one's own, in the order in which their files are handed over. */

export function modelNames(models: Readonly<Record<string, string>>): string[] {
  return Object.keys(models).sort();
}

export function modelPaths(models: Readonly<Record<string, string>>): string[] {
  return modelNames(models).map((name) => models[name]!);
}
