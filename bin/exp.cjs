#!/usr/bin/env node
// Starts the bundled program. Kept apart from dist/, so that a clone in which nothing is installed yet says so.
"use strict";

const { existsSync } = require("node:fs");
const { join } = require("node:path");

const program = join(__dirname, "..", "dist", "exp.cjs");
if (existsSync(program)) require(program);
else {
  process.stderr.write("exp is not installed here yet: run `npm ci` first\n");
  process.exitCode = 2;
}
