import assert from "node:assert/strict";
import { test } from "node:test";
import { alignedTable, markdownTable } from "./table.ts";

const table = {
  heads: ["into", "msgs/s", "note"],
  rows: [
    ["maildir", "512 (378-534)", "a|b"],
    ["sink", "-", ""],
  ],
};

test("columns of numbers are flush right, columns of words flush left", () => {
  assert.equal(
    alignedTable(table),
    ["into            msgs/s  note", "maildir  512 (378-534)  a|b", "sink                 -"].join("\n"),
  );
});

test("a bar inside a cell does not end it", () => {
  assert.equal(
    markdownTable(table),
    ["| into | msgs/s | note |", "| --- | --- | --- |", "| maildir | 512 (378-534) | a\\|b |", "| sink | - |  |"].join(
      "\n",
    ),
  );
});
