// Unpacks the browser, its libraries and a font out of their package, to beside it. `make browser` calls this once.
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const here = import.meta.dirname;
const place = join(here, "node_modules", ".chromium");
const packed = join(here, "node_modules", "@sparticuz", "chromium");

rmSync(place, { recursive: true, force: true });
mkdirSync(place, { recursive: true });
process.env.TMPDIR = place; // where the package's own function puts everything
const { inflate } = await import(join(packed, "build", "esm", "lambdafs.js"));
await Promise.all(["chromium.br", "al2023.tar.br", "fonts.tar.br"].map((name) => inflate(join(packed, "bin", name))));
