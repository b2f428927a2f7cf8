import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { compileAssign, loadRouting, openUserSources, parseAssign } from "#users";
import { explainAddress, explanationText } from "./explain-address.ts";

const uid = process.getuid?.() ?? 0;
const gid = process.getgid?.() ?? 0;

/** A home where joe, list and sales are assigned to us, with these files in it; explains addresses. */
function house(t: TestContext, files: Readonly<Record<string, string>>) {
  const home = mkdtempSync(join(tmpdir(), "quail-explain-"));
  t.after(() => rmSync(home, { recursive: true }));
  const write = (name: string, text: string): void => {
    mkdirSync(dirname(join(home, name)), { recursive: true });
    writeFileSync(join(home, name), text, { encoding: "latin1", mode: 0o644 });
  };
  const lines = [
    `=joe:joe:${uid}:${gid}:${home}/joe:::`,
    `+joe-:joe:${uid}:${gid}:${home}/joe:-::`,
    `+:alias:${uid}:${gid}:${home}/alias:-::`,
  ];
  const entries = parseAssign(`${lines.join("\n")}\n.\n`);
  assert.ok(!("kind" in entries));
  mkdirSync(join(home, "users"));
  writeFileSync(join(home, "users", "cdb"), compileAssign(entries));
  mkdirSync(join(home, "joe"), { mode: 0o755 });
  mkdirSync(join(home, "alias"), { mode: 0o755 });
  for (const [name, text] of Object.entries({ "control/me": "heaven.test\n", ...files })) write(name, text);
  return {
    home,
    async explain(address: string) {
      const sources = openUserSources(home, { passwd: "/dev/null", nameService: null, superuser: true });
      const explanation = await explainAddress(address, { home, routing: loadRouting(home), sources });
      assert.ok(explanation !== null);
      return explanation;
    },
  };
}

const plain = (home: string, text: string): string =>
  text.replaceAll(home, "$Q").replaceAll(`uid ${uid}, gid ${gid}`, "uid U, gid G");

test("explain tells every question from control files to the file that answers, and follows forwards", async (t) => {
  const { home, explain } = house(t, {
    "control/virtualdomains": "# ours\na.org:joe\n",
    "control/percenthack": "heaven.test\n",
    "control/smtproutes": "far.test:relay.test:26 user secret\n",
    "joe/.qmail-default": "# all\n./Maildir/\n|cat >/dev/null\nann@far.test\n&joe\n",
    "joe/.qmail": "",
  });
  assert.equal(
    plain(home, explanationText(await explain("x%a.org@heaven.test"))),
    `x%a.org@heaven.test
  does heaven.test take user%host addresses? yes: x@a.org   [control/percenthack:1]
  does a.org take user%host addresses? no
  is a.org local? no
  is a.org a virtual domain? yes: a.org:joe   [control/virtualdomains:2]
  so where does it go? local joe-x@a.org   [control/percenthack:1, control/virtualdomains:2]
  users/cdb? +joe-:
  who is it? joe (uid U, gid G), home $Q/joe, dash "-", ext "x"   [users/cdb +joe-:]
  is there $Q/joe/.qmail-x? no
  is there $Q/joe/.qmail-default? yes
  => delivered to the Maildir $Q/joe/Maildir/   [$Q/joe/.qmail-default:2]
  => given to the program cat >/dev/null   [$Q/joe/.qmail-default:3]
  => forwarded to ann@far.test   [$Q/joe/.qmail-default:4]
  => forwarded to joe   [$Q/joe/.qmail-default:5]
    ann@far.test
      is far.test local? no
      is far.test a virtual domain? no
      so where does it go? remote ann@far.test   [neither control/locals nor control/virtualdomains]
      has far.test an SMTP route? yes: relay.test:26   [control/smtproutes:1]
      => sent to ann@far.test by relay.test:26   [control/smtproutes:1]
    joe
      has it an @? no: joe@heaven.test   [control/envnoathost, else control/me]
      is heaven.test local? yes   [control/me]
      so where does it go? local joe@heaven.test   [control/me]
      users/cdb? =joe:
      who is it? joe (uid U, gid G), home $Q/joe, dash "", ext ""   [users/cdb =joe:]
      is there $Q/joe/.qmail? yes
      does it say anything? no, it is empty
      => delivered to the Maildir $Q/joe/Maildir/   [control/defaultdelivery:1]
`,
  );
});

test("explain knows bounces, discarded mail, and what makes mail wait", async (t) => {
  const { home, explain } = house(t, {
    "joe/.qmail-blank": "\njoe@far.test\n",
    "joe/.qmail-comment": "# nothing\n",
    "joe/.qmail-list": "+list\na@far.test\n|oops\n",
  });
  const endings = async (address: string) =>
    (await explain(address)).endings.map(({ kind, text }) => `${kind} ${text}`);
  assert.deepEqual(await endings("nobody@heaven.test"), ["bounce Sorry, no mailbox here by that name. (#5.1.1)"]);
  assert.deepEqual(await endings("joe-blank@heaven.test"), [
    "defer Uh-oh: first line of .qmail file is blank. (#4.2.1)",
  ]);
  assert.match((await endings("joe-comment@heaven.test"))[0] ?? "", /^discard the instructions say nothing/);
  assert.deepEqual(await endings("joe-list@heaven.test"), [
    "defer Uh-oh: .qmail has prog delivery but has x bit set. (#4.7.0)",
  ]);
  assert.deepEqual(await endings("@heaven.test"), ["discard mail without a local part is thrown away"]);
  chmodSync(join(home, "joe"), 0o1755);
  assert.match((await endings("joe@heaven.test"))[0] ?? "", /^defer Home directory is sticky/);
  chmodSync(join(home, "joe"), 0o757);
  assert.deepEqual(await endings("joe@heaven.test"), ["defer Uh-oh: home directory is writable. (#4.7.0)"]);
});

test("explain knows routes by QMTP, which come before those by SMTP", async (t) => {
  const { explain } = house(t, {
    "control/smtproutes": "far.test:relay.test\n:smart.test user secret\n",
    "control/qmtproutes": "# quick ones\nFAR.test:[192.0.2.1]:2209\n.near.test:\n",
  });
  const ending = async (address: string) => {
    const { text, where } = (await explain(address)).endings[0]!;
    return `${text} ${where}`;
  };
  assert.equal(await ending("a@far.test"), "a@far.test by [192.0.2.1]:2209, by QMTP control/qmtproutes:2");
  assert.equal(await ending("a@mx.near.test"), "a@mx.near.test by MX control/qmtproutes:3");
  assert.equal(await ending("a@else.test"), "a@else.test by smart.test control/smtproutes:2");
});

test("explain follows lines that call forward and condredirect, and leaves alone what a message or a shell decides", async (t) => {
  const { explain } = house(t, {
    "joe/.qmail-default":
      '|forward "$DEFAULT@far.test" joe-b@heaven.test\n|condredirect joe-c@heaven.test grep -q x\n./Maildir/\n',
    "joe/.qmail-b": "|/var/qmail/bin/forward joe-b@heaven.test joe-c@heaven.test\n",
    "joe/.qmail-c": '|forward "$SENDER"\n|forward a@far.test | cat\n|bouncesaying no grep y\n|forward "$NOBODY"\n',
  });
  const found = await explain("joe-x@heaven.test");
  const endings = (one: typeof found) => one.endings.map(({ kind, text }) => `${kind} ${text}`);
  assert.deepEqual(endings(found).slice(0, 4), [
    "forward x@far.test",
    "forward joe-b@heaven.test",
    "program condredirect joe-c@heaven.test grep -q x",
    "perhaps joe-c@heaven.test",
  ]);
  assert.deepEqual(
    found.forwards.map(({ address, forwards }) => [address, forwards.map((one) => one.address)]),
    [
      ["x@far.test", []],
      ["joe-b@heaven.test", ["joe-c@heaven.test"]],
    ],
  );
  const c = found.forwards[1]!.forwards[0]!;
  assert.deepEqual(
    c.endings.map(({ kind }) => kind),
    ["program", "program", "program", "program"],
  );
  assert.match(
    explanationText(found),
    /=> forwarded instead, if the program it asks says so, to joe-c@heaven.test {3}\[/,
  );
});

test("explain follows a loop of forwards once and a long list so far", async (t) => {
  const many = Array.from({ length: 300 }, (_, i) => `u${i}@far.test\n`).join("");
  const { explain } = house(t, {
    "joe/.qmail-a": "joe-b@heaven.test\n",
    "joe/.qmail-b": "JOE-A@heaven.test\n",
    "joe/.qmail-many": many,
  });
  const loop = await explain("joe-a@heaven.test");
  assert.deepEqual(
    loop.forwards.map(({ address, forwards }) => [address, forwards.length]),
    [["joe-b@heaven.test", 0]],
  );
  const list = await explain("joe-many@heaven.test");
  assert.equal(list.endings.length, 300);
  assert.equal(list.forwards.length, 200);
});
