// Preloaded into the program: a file system without hard links, as network stores and FAT are. EXP_TEST_LINKS says how it refuses.
"use strict";

const fs = require("node:fs");
const { syncBuiltinESMExports } = require("node:module");

const code = process.env.EXP_TEST_LINKS ?? "EPERM";

function refusal(from, to) {
  const error = new Error(`${code}: operation not permitted, link '${from}' -> '${to}'`);
  return Object.assign(error, { code, syscall: "link", path: from, dest: to });
}
fs.linkSync = (from, to) => {
  // As the system does it: who comes second is told so first.
  if (fs.existsSync(to)) throw Object.assign(refusal(from, to), { code: "EEXIST" });
  throw refusal(from, to);
};
fs.link = (from, to, done) => done(refusal(from, to));
fs.promises.link = (from, to) => Promise.reject(refusal(from, to));
syncBuiltinESMExports();
