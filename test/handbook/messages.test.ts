/** Appendix C lists no text that Quail cannot say: what stands in its tables stands in the source. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { checkout } from "../system/house.ts";

const page = readFileSync(join(checkout, "docs", "handbook", "c-error-messages.md"), "utf8");

/** All of our code but tests, without the breaks and marks that cut texts apart there. */
const source = (readdirSync(join(checkout, "src"), { recursive: true, encoding: "utf8" }) as string[])
  .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
  .map((name) => readFileSync(join(checkout, "src", name), "utf8"))
  .join("\n")
  .replaceAll("\\n", " ");

/** What a text says of a certain case: names and numbers that the source has variables for. */
const variable =
  /\.\.\.|far\.example|relay\.example\.net|192\.0\.2\.1|uid \d+|user \w+|\/home\/joe|\.\/Mailbox|\b86400\b|-- [a-z]$|^\d{3} |^-ERR |qmail-\w+: fatal: /;
/** Shorter pieces are in any text. */
const leastPiece = 6;

const firstCells = page
  .split("\n")
  .filter((line) => line.startsWith("| `"))
  .map((line) => line.split(" | ")[0]!);
const texts = firstCells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, text = ""]) => text));

test("every text of appendix C can be said", () => {
  const unknown = texts.flatMap((text) => {
    const pieces = text.split(variable).map((piece) => piece.replace(/\(#[0-9.]+\)/g, "").trim());
    return pieces.filter((piece) => piece.length >= leastPiece && !source.includes(piece));
  });
  assert.ok(texts.length > 70, "the tables are there");
  assert.deepEqual(unknown, []);
});
