/*
 * Run by crash.test.ts as a process of its own: takes one message to the state named on the command line, prints its number, and
 * kills itself with SIGKILL there. Usage: crash-child.ts HOME small|large STATE
 */
import { writeSync } from "node:fs";
import { type Address, parseAddress } from "#mail";
import { createBodyFile, largeBodyBytes } from "./bodies.ts";
import { type NewMessage, openStore } from "./store.ts";

const [home = "", size = "", state = ""] = process.argv.slice(2);

function die(): never {
  process.kill(process.pid, "SIGKILL");
  for (;;); // The signal is on its way.
}

const store = openStore(home, () => {});
const id = store.nextId();
writeSync(1, String(id));
const bytes = Buffer.alloc(size === "large" ? largeBodyBytes + 1 : 100, "x");
const file = size === "large" ? createBodyFile(home, id) : null;
file?.write(bytes.subarray(0, 50));
if (state === "S2") die();
file?.write(bytes.subarray(50));
await file?.seal();
if (state === "S3") die();
const message: NewMessage = {
  id,
  bornAtMs: 1_000,
  sender: "s@a.test" as Address,
  body: file === null ? { kind: "bytes", bytes } : { kind: "file", sizeBytes: bytes.length },
  recipients: ["a@b.test", "c@b.test"].map((to) => ({ address: parseAddress(to)!, channel: "local", destination: "" })),
};
const stored = new Promise<void>((settled) => store.add(message, () => settled()));
if (state === "S4 uncommitted") die();
await stored;
if (state === "S4") die();
store.mark(id, 0, { kind: "done", report: "" });
if (state === "S4 mark uncommitted") die();
store.flush();
if (state === "S4 marked") die();
store.mark(id, 1, { kind: "done", report: "" });
store.finish({ id, sizeBytes: bytes.length });
if (state === "S5 uncommitted") die();
store.flush();
die();
