/** What those tools are called that figures are about. */
export const names = { exp: "exp", programs: "exp, programs", node: "node -e 0" } as const;
