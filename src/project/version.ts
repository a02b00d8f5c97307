// exp's own version, and what tells one build of the program from another. Filled in when the program is bundled.

declare const EXP_VERSION: string;
declare const EXP_BUILD_ID: string;

export const version: string = typeof EXP_VERSION === "string" ? EXP_VERSION : "0.0.0-source";
/** Changes with every change of the program's code: a stamp of another program is not trusted. */
export const buildId: string = typeof EXP_BUILD_ID === "string" ? EXP_BUILD_ID : "source";
