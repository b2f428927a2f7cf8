import assert from "node:assert/strict";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { openCdb, renderCdb } from "#files";
import { compileAssign, parseAssign } from "./assign.ts";
import { openAssigned } from "./assigned.ts";
import { assignIn, folderWith } from "./test-home.ts";

/** `key user dash ext` of what users/cdb says; "none". */
const answers = (find: ReturnType<typeof openAssigned>, local: string): string => {
  const found = find(local);
  return found === null ? "none" : `${found.key} ${found.route.user} «${found.route.dash}» «${found.route.ext}»`;
};

const table = [
  "=joe:joe:101:102:/home/joe:::",
  "+joe-:joe:101:102:/home/joe:-::",
  "+joe-list-:lists:103:104:/home/lists:-:pre-:more text: ignored",
  "=Ann:ann:105:106:/home/ann:::",
];

test("an exact entry beats a wildcard, a longer wildcard a shorter one [Q-124] [Q-125]", async (t) => {
  const home = await folderWith(t, {});
  await assignIn(home, [...table, "=joe-exact:exact:107:108:/home/exact:-:e:"]);
  const find = openAssigned(join(home, "users/cdb"));
  for (const [local, expected] of [
    ["joe", "=joe joe «» «»"],
    ["JOE", "=joe joe «» «»"],
    ["joe-", "+joe- joe «-» «»"],
    ["joe-x", "+joe- joe «-» «x»"],
    ["joe-list-x", "+joe-list- lists «-» «pre-x»"],
    ["joe-list-", "+joe-list- lists «-» «pre-»"],
    ["joe-list", "+joe- joe «-» «list»"],
    ["joe-exact", "=joe-exact exact «-» «e»"],
    ["ann", "=ann ann «» «»"],
    ["joey", "none"],
    ["nobody", "none"],
  ] as const)
    assert.equal(answers(find, local), expected, local);
});

test("+: catches what nothing else does [Q-125]", async (t) => {
  const home = await folderWith(t, {});
  await assignIn(home, [...table, "+:all:7:8:/home/all:-:any-:"]);
  const find = openAssigned(join(home, "users/cdb"));
  assert.equal(answers(find, "Who"), "+ all «-» «any-Who»");
  assert.equal(answers(find, "joe-x"), "+joe- joe «-» «x»");
});

test("of two equal keys the first line wins [Q-126]", async (t) => {
  const home = await folderWith(t, {});
  await assignIn(home, ["=x:one:1:1:/1:::", "=X:two:2:2:/2:::", "+x-:three:3:3:/3:-::", "+x-:four:4:4:/4:-::"]);
  const find = openAssigned(join(home, "users/cdb"));
  assert.equal(answers(find, "x"), "=x one «» «»");
  assert.equal(answers(find, "x-y"), "+x- three «-» «y»");
});

test("the wildcard's remainder keeps its case [Q-127]", async (t) => {
  const home = await folderWith(t, {});
  await assignIn(home, table);
  assert.equal(answers(openAssigned(join(home, "users/cdb")), "JOE-LiSt-ToM"), "+joe-list- lists «-» «pre-ToM»");
});

test("a wildcard that ends in a capital matches, in a cdb of ours and in one that keeps the capital", async (t) => {
  const home = await folderWith(t, {});
  await assignIn(home, ["+teamX:team:5:5:/team:-::"]);
  const path = join(home, "users/cdb");
  assert.equal(answers(openAssigned(path), "TEAMxray"), "+teamx team «-» «ray»");
  const data = Buffer.from("team\x005\x005\0/team\0-\0");
  await writeFile(
    path,
    renderCdb([
      [Buffer.from("!teamx"), data],
      [Buffer.alloc(0), Buffer.from("X")],
    ]),
  );
  assert.equal(answers(openAssigned(path), "teamxray"), "+teamx team «-» «ray»");
});

test("users/cdb has the records the classic programs look for", async (t) => {
  const home = await folderWith(t, {});
  await assignIn(home, table);
  await using cdb = await openCdb(join(home, "users/cdb"));
  assert.ok(cdb !== null);
  const records: string[] = [];
  for await (const { key, data } of cdb.records()) records.push(`${key.toString()} -> ${data.toString()}`);
  assert.deepEqual(records, [
    "!joe\0 -> joe\x00101\x00102\0/home/joe\0\0",
    "!joe- -> joe\x00101\x00102\0/home/joe\0-\0",
    "!joe-list- -> lists\x00103\x00104\0/home/lists\0-\0pre-",
    "!ann\0 -> ann\x00105\x00106\0/home/ann\0\0",
    " -> -",
  ]);
});

test("users/assign that is not well-formed names the line and what was wanted [Q-129]", () => {
  const dot = "a line with a single . at the end of the file";
  for (const [text, line, expected] of [
    ["", 1, dot],
    ["=a:a:1:1:/:::\n", 2, dot],
    ["=a:a:1:1:/:::", 1, dot],
    ["=a:a:1:1:/:::\n=b:b:1:1:/::\n.\n", 2, "7 colons"],
    ["=a\n.\n", 1, "7 colons"],
    [":a:1:1:/:::\n.\n", 1, "a line that begins with = or +, or a final ."],
    ["\n.\n", 1, "a line that begins with = or +, or a final ."],
    ["#a:a:1:1:/:::\n.\n", 1, "a line that begins with = or +, or a final ."],
    ["=a\0:a:1:1:/:::\n.\n", 1, "no NUL"],
  ] as const)
    assert.deepEqual(parseAssign(text), { kind: "malformed", line, expected }, JSON.stringify(text));
  assert.deepEqual(parseAssign(".\nanything at all"), []);
  assert.deepEqual(parseAssign("."), []);
});

test("a new users/cdb answers at once, a damaged one is an error, a removed one has no entries [Q-130]", async (t) => {
  const home = await folderWith(t, {});
  await assignIn(home, table);
  const path = join(home, "users/cdb");
  const find = openAssigned(path);
  assert.equal(answers(find, "joe"), "=joe joe «» «»");
  await assignIn(home, ["=joe:other:1:1:/other:::"]);
  assert.equal(answers(find, "joe"), "=joe other «» «»");
  await writeFile(`${path}.tmp`, "no constant database");
  await rename(`${path}.tmp`, path);
  assert.throws(() => find("joe"), /cut short/);
  await writeFile(path, Buffer.alloc(2048));
  assert.throws(() => find("joe"), /no list of wildcard endings/);
  await rename(path, `${path}.old`);
  assert.equal(find("joe"), null);
});

test("a record with a wrong number or home is an error for its own address only", async (t) => {
  const home = await folderWith(t, {});
  await assignIn(home, ["=a:a:x:1:/:::", "=b:b:1:4294967295:/:::", "=c:c:1:1:home:::", "=d:d:1:1:/:::"]);
  const find = openAssigned(join(home, "users/cdb"));
  for (const local of ["a", "b", "c"]) assert.throws(() => find(local), /users\/cdb has/);
  assert.equal(answers(find, "d"), "=d d «» «»");
});

test("what is compiled is found again, whatever the names", async (t) => {
  const home = await folderWith(t, {});
  const name = fc.string({ unit: fc.constantFrom("a", "B", "-", "é", "."), minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(name, { selector: (n) => n.toLowerCase(), maxLength: 20 }), async (names) => {
      const entries = parseAssign(
        `${names.map((n, i) => `=${n}:u${i}:${i}:1:/:::\n+${n}:w${i}:1:1:/:-::\n`).join("")}.\n`,
      );
      assert.ok(!("kind" in entries));
      const path = join(home, "users-cdb");
      await writeFile(path, compileAssign(entries));
      const find = openAssigned(path);
      for (const [i, n] of names.entries()) assert.equal(find(n)?.route.user, `u${i}`);
      for (const [i, n] of names.entries()) {
        const longer = find(`${n}zZ`);
        assert.equal(longer?.route.user, `w${i}`);
        assert.equal(longer.route.ext, "zZ");
      }
    }),
    { numRuns: 50 },
  );
});
