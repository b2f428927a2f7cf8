/** Prints a log to measure readers with, the same for the same seed: `node bench/tools/make-log.ts 2000000 [SEED] > big.log`. */
import { once } from "node:events";
import { logLines, luckOf } from "../../src/analyse/testing.ts";

const count = Number(process.argv[2] ?? 2_000_000);
let piece: string[] = [];
for (const line of logLines(count, luckOf(Number(process.argv[3] ?? 1)))) {
  piece.push(line);
  if (piece.length < 4096) continue;
  if (!process.stdout.write(`${piece.join("\n")}\n`)) await once(process.stdout, "drain");
  piece = [];
}
if (piece.length > 0) process.stdout.write(`${piece.join("\n")}\n`);
