/**
 * The house's rules (ARCHITECTURE.md): rooms stand on storeys and import downwards; sideways only along the arrows listed here;
 * into another room only by its door. A new arrow is one line in this file, for a reviewer to see and question.
 */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { test } from "node:test";

/** From the ground up. Rooms of one storey know nothing of each other but along `sideways`. */
const storeys: readonly (readonly [storey: string, rooms: readonly string[]])[] = [
  ["ground", ["bytes", "files", "log", "control", "process", "net", "tls", "sql", "supervise"]],
  ["nouns", ["mail", "message", "sieve"]],
  ["stores and oracles", ["queue", "mailbox", "users", "auth", "checks", "dns"]],
  ["movers", ["inject", "smtp", "qmtp", "send", "local", "remote", "bounce", "ucspi"]],
  ["readers", ["pop3", "imap", "jmap", "managesieve", "lists", "fetch", "web", "operate", "analyse"]],
  ["roof", ["programs", "services"]],
];

/** Arrows between rooms of one storey, each with its reason. */
const sideways: ReadonlyMap<string, string> = new Map([
  ["log -> bytes", "log lines are made of peers' octets"],
  ["log -> files", "rotated logs are locked, and say what the system said"],
  ["files -> bytes", "paths are octets"],
  ["control -> bytes", "control files are octets"],
  ["net -> bytes", "tcp rules are octets"],
  ["process -> files", "execve and setrlimit are system calls that Node lacks; the words for what they say"],
  ["tls -> process", "Node's cryptography is loaded when it is wanted"],
  ["tls -> control", "which certificates and ciphers there are"],
  ["tls -> files", "ticket keys are written as a whole"],
  ["supervise -> files", "locks"],
  ["supervise -> log", "stamps and rotated names"],
  ["send -> bounce", "the scheduler knows when a message owes a bounce, and what of"],
  ["inject -> qmtp", "a composed message is posted at the queue's door"],
  ["remote -> smtp", "remote delivery speaks SMTP, the client's part of the room"],
  ["remote -> qmtp", "and QMTP where an exchanger asks for it, the client's part of that room"],
  ["services -> programs", "delivery workers run our own programs in process"],
]);

/** Parts of a room that have a door of their own, because nobody needs both. (`#room/testing` is for tests alone.) */
const partDoors: ReadonlySet<string> = new Set([
  "#send/courier",
  "#smtp/client",
  "#operate/import",
  "#qmtp/client",
  "#process/memory",
  "#tls/acme",
  "#log/multilog",
  "#operate/numbers",
  "#ucspi/tls",
  "#analyse/matching",
  "#analyse/tables",
  "#analyse/stamps",
  "#analyse/select",
  "#analyse/live",
  "#supervise/directory",
  "#supervise/classic",
]);

const source = join(import.meta.dirname, "..", "src");

type Import = { readonly file: string; readonly line: number; readonly what: string };

const specifier = /(?:\bfrom\s*|\bimport\s*\(\s*|\bimport\s+)(["'])((?:#|\.{1,2}\/)[^"']*)\1/g;

/** Imports of one file that stay in the house: `#room`, `./x.ts`, `../x.ts`. */
function importsOf(file: string): readonly Import[] {
  const text = readFileSync(join(source, file), "utf8");
  return [...text.matchAll(specifier)].map((match) => ({
    file,
    line: text.slice(0, match.index).split("\n").length,
    what: match[2]!,
  }));
}

const files = globSync("**/*.ts", { cwd: source }).sort();
const isTest = (file: string): boolean => file.endsWith(".test.ts") || /(^|\/)test-|\/testing(\.ts$|\/)/.test(file);
const roomOf = (file: string): string => file.split(sep)[0]!;
const heightOf = (room: string): number => storeys.findIndex(([, rooms]) => rooms.includes(room));
const at = ({ file, line, what }: Import): string => `src/${file}:${line} imports ${what}`;

/** The room an import leads to; null if it stays where it is. */
function targetOf({ file, what }: Import): string | null {
  if (what.startsWith("#")) return roomOf(what.slice(1));
  const room = roomOf(relative(source, join(source, dirname(file), what)));
  return room === roomOf(file) ? null : room;
}

const all = files.flatMap(importsOf);

test("every room has a place on a storey, and a door", () => {
  for (const room of new Set(files.map(roomOf))) {
    assert.ok(heightOf(room) >= 0, `src/${room} stands on no storey: give it one in test/architecture.test.ts`);
    assert.ok(files.includes(join(room, "index.ts")), `src/${room} has no door (index.ts)`);
  }
});

test("into another room one goes by its door, and inside a room nobody uses it", () => {
  const wrong = all.filter((one) => {
    const target = targetOf(one);
    if (target === null) return false;
    if (target === roomOf(one.file)) return !isTest(one.file);
    // A test on the roof may start a service as it is.
    if (isTest(one.file) && target === "services") return false;
    if (isTest(one.file) && one.what.endsWith("/testing")) return false;
    return !one.what.startsWith("#") || (one.what.includes("/") && !partDoors.has(one.what));
  });
  assert.deepEqual(wrong.map(at), []);
});

test("rooms import downwards, and sideways only along listed arrows", () => {
  const wrong = all.filter((one) => {
    const target = targetOf(one);
    const room = roomOf(one.file);
    if (target === null || target === room || isTest(one.file)) return false;
    const [from, to] = [heightOf(room), heightOf(target)];
    return to < 0 || to > from || (to === from && !sideways.has(`${room} -> ${target}`));
  });
  assert.deepEqual(wrong.map(at), []);
});

test("no arrow is listed that nobody uses any more", () => {
  const used = new Set(all.filter(({ file }) => !isTest(file)).map((one) => `${roomOf(one.file)} -> ${targetOf(one)}`));
  const stale = [...sideways.keys()].filter((arrow) => !used.has(arrow));
  assert.deepEqual(stale, []);
});

test("doors name what they give: no `export *`", () => {
  const wrong = files.filter((file) => /^export \*(?! as )/m.test(readFileSync(join(source, file), "utf8")));
  assert.deepEqual(wrong, []);
});

test("no room imports itself in a circle through another", () => {
  const arrows = new Map<string, Set<string>>();
  for (const one of all) {
    const target = targetOf(one);
    const room = roomOf(one.file);
    if (target === null || target === room || isTest(one.file)) continue;
    arrows.set(room, (arrows.get(room) ?? new Set()).add(target));
  }
  const circle = (room: string, path: readonly string[]): readonly string[] | null => {
    if (path.includes(room)) return [...path.slice(path.indexOf(room)), room];
    for (const next of arrows.get(room) ?? []) {
      const found = circle(next, [...path, room]);
      if (found !== null) return found;
    }
    return null;
  };
  for (const room of arrows.keys()) assert.equal(circle(room, [])?.join(" -> "), undefined);
});
