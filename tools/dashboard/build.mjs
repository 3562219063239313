// Build what the dashboard takes from npm into faunadb/dashboard/static/vendor.
//
//   npm ci && npm run build
//
// The versions are those of package-lock.json, and the same versions give the same bytes. One file of licences is written
// beside the built ones, from the packages that went into them.

import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "../../faunadb/dashboard/static/vendor");

const built = await build({
  absWorkingDir: here,
  entryPoints: ["src/editor.js", "src/view.js", "src/json.js"],
  outdir: target,
  bundle: true,
  format: "esm",
  minify: true,
  target: "es2022",
  legalComments: "none",
  metafile: true,
});

const packageOf = (path) => path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1];
const used = [...new Set(Object.values(built.metafile.outputs).flatMap((output) => Object.keys(output.inputs)).map(packageOf))];
const texts = used.filter(Boolean).sort().map((name) => {
  const directory = join(here, "node_modules", name);
  const { version, license } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
  const file = readdirSync(directory).find((entry) => /^licen[cs]e/i.test(entry));
  if (!file) throw new Error(`${name} comes without a text of its licence`);
  return `${name} ${version} (${license})\n\n${readFileSync(join(directory, file), "utf8").trim()}\n`;
});
writeFileSync(join(target, "LICENSES.txt"), texts.join(`\n${"-".repeat(80)}\n\n`));
