export const count = (texts: readonly string[]): number => texts.join(" ").split(" ").length;
export const unused = (): string => "what no recipe reaches";
