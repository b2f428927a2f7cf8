import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { apopDigest } from "./apop.ts";
import { checkLogin, type LoginSources } from "./check-login.ts";
import { maxCredentialBytes, parseCredentials, renderCredentials } from "./credentials.ts";
import { LoginGuard } from "./login-guard.ts";
import { openLoginSources } from "./login-sources.ts";
import { makeHash } from "./phc.ts";
import { openPopPasswd, PopPasswdError, parsePopEntry, withHash } from "./pop-passwd.ts";
import { findSystemAccount } from "./system-accounts.ts";
import { issueTicket, ticketLifeMs, ticketReader, workerKey } from "./ticket.ts";
import { storeClear } from "./verify-secret.ts";

let home = "";
let sources: LoginSources;
const files = () => ({ passwd: join(home, "passwd"), shadow: join(home, "shadow") });

function lay(text: string, mode = 0o600): void {
  writeFileSync(join(home, "control/poppasswd"), text);
  chmodSync(join(home, "control/poppasswd"), mode);
}

before(async () => {
  home = mkdtempSync(join(tmpdir(), "quail-auth-"));
  mkdirSync(join(home, "control"));
  writeFileSync(join(home, "control/me"), "mx.test\n");
  writeFileSync(join(home, "control/locals"), "Local.test\n");
  writeFileSync(
    files().passwd,
    "sys:x:1001:1002:S:/home/sys:/bin/zsh\nold:x:1003:1003::/home/old:\nlocked:x:1004:1004::/home/l:\nbare:!:1005:1005::/:\n",
  );
  const hash = await makeHash("system");
  writeFileSync(
    files().shadow,
    `sys:${hash}:19000:0:99999:7:::\nold:${hash}:19000:0:99999:7::19000:\nlocked:!${hash}:::::::\n`,
  );
  sources = openLoginSources(home, files());
});
after(() => rmSync(home, { recursive: true }));

const check = (login: string, secret: string, timestamp = "") => checkLogin({ login, secret, timestamp }, sources);

test("a poppasswd entry is found by its name, by the default domain, and without a local domain", async () => {
  const hash = await makeHash("right");
  lay(`# a comment\nYou@mx.test:${hash}:1000:1000:/home/you\nann:${hash}:1000:1000:/home/ann\n`);
  for (const [login, user] of [
    ["you@mx.test", "you@mx.test"],
    ["YOU@MX.test", "you@mx.test"],
    ["you", "you@mx.test"],
    ["ann", "ann"],
    ["ann@local.TEST", "ann"],
  ] as const) {
    const verdict = await check(login, "right");
    assert.deepEqual(verdict.kind === "yes" && [verdict.who.user, verdict.who.uid], [user, 1000], login);
  }
  for (const login of ["ann@elsewhere.test", "nobody", "you@", "", "constructor"])
    assert.deepEqual(await check(login, "right"), { kind: "no" }, login);
  assert.deepEqual(await check("ann", "wrong"), { kind: "no" });
  assert.deepEqual(await check("ann", ""), { kind: "no" });
});

test("a system account is checked by its shadow hash; an expired or locked one is refused", async () => {
  lay("");
  const verdict = await check("sys", "system");
  assert.deepEqual(verdict, {
    kind: "yes",
    who: { user: "sys", uid: 1001, gid: 1002, home: "/home/sys", shell: "/bin/zsh", isSystem: true },
  });
  for (const login of ["old", "locked", "bare", "sys:x"])
    assert.deepEqual(await check(login, "system"), { kind: "no" });
});

test("an entry without ids lends a system account its password", async () => {
  lay(`sys:${await makeHash("mail only")}\n`);
  const verdict = await check("sys", "mail only");
  assert.equal(verdict.kind === "yes" && verdict.who.uid, 1001);
  assert.deepEqual(await check("sys", "system"), { kind: "no" });
});

test("APOP's digest counts only against a secret kept in the clear [X-044] [V-013]", async () => {
  const timestamp = "<1896.697170952@dbc.mtview.ca.us>";
  const digest = "c4c9334bac560ecc979e58001b3e22fb";
  assert.equal(apopDigest(timestamp, "tanstaaf"), digest);
  lay(`mrose:${storeClear("tanstaaf")}:1:1:/h\nhashed:${await makeHash("tanstaaf")}:1:1:/h\n`);
  assert.equal((await check("mrose", digest, timestamp)).kind, "yes");
  assert.equal((await check("mrose", digest.toUpperCase(), timestamp)).kind, "yes");
  assert.equal((await check("mrose", digest.replace("c4", "c5"), timestamp)).kind, "no");
  assert.equal((await check("mrose", digest, "<1@x>")).kind, "no");
  assert.equal((await check("mrose", digest, "")).kind, "no");
  assert.equal((await check("hashed", digest, timestamp)).kind, "no");
  assert.equal((await check("mrose", "tanstaaf", timestamp)).kind, "yes");
});

test("a password file that others may read, or that cannot be checked, is trouble and no refusal", async () => {
  lay(`a:${await makeHash("x")}:1:1:/h\n`, 0o640);
  assert.throws(() => openPopPasswd(home)("a"), PopPasswdError);
  const verdict = await check("a", "x");
  assert.match(verdict.kind === "later" ? verdict.reason : "", /may be read or written by others .*chmod 600/);
  lay("a:$9$x$y:1:1:/h\n");
  assert.equal((await check("a", "x")).kind, "later");
});

test("a shadow file out of sight makes nobody's password right", () => {
  assert.equal(findSystemAccount("sys", 0, { passwd: files().passwd, shadow: "/nonexistent" })?.hash, null);
});

for (const [line, uid] of [
  ["joe:$6$x$y:1000:1000:/home/joe", 1000],
  ["joe:$6$x$y", null],
  ["joe:$6$x$y:::", null],
  ["joe:h:0:0:/with:colon", 0],
] as const) {
  test(`${line} is an entry`, () => assert.equal(parsePopEntry(line)?.uid, uid));
}
for (const line of ["", "joe", "joe:", ":h", "joe:h:x:1:/", "joe:h:1::/", "joe:h:1:1:relative"]) {
  test(`${JSON.stringify(line)} is no entry`, () => assert.equal(parsePopEntry(line), null));
}

test("a new hash replaces the old one, and leaves the rest of the file alone", () => {
  const text = "# mine\nann:old:1:1:/a\nbob:x:2:2:/b";
  assert.equal(withHash(text, { login: "Ann", hash: "new", rest: "" }), "# mine\nann:new:1:1:/a\nbob:x:2:2:/b\n");
  assert.equal(withHash("", { login: "cat", hash: "h", rest: ":3:3:/c" }), "cat:h:3:3:/c\n");
});

test("checkpassword's fields survive the pipe; NULs and more than 511 octets do not pass", () => {
  const field = fc.string({ unit: fc.nat({ max: 254 }).map((n) => String.fromCharCode(n + 1)), maxLength: 100 });
  fc.assert(
    fc.property(field, field, field, (login, secret, timestamp) => {
      const bytes = renderCredentials({ login, secret, timestamp });
      assert.deepEqual(bytes === null ? null : parseCredentials(bytes), { login, secret, timestamp });
    }),
  );
  assert.equal(renderCredentials({ login: "a\0b", secret: "", timestamp: "" }), null);
  assert.equal(renderCredentials({ login: "a".repeat(maxCredentialBytes), secret: "", timestamp: "" }), null);
  assert.equal(parseCredentials(Buffer.from("a\0b")), null);
  assert.deepEqual(parseCredentials(Buffer.from("a\0b\0")), { login: "a", secret: "b", timestamp: "" });
});

const limits = () => ({ failures: 5, banSeconds: 600 });
const nobodyIsAllowed = () => false;

test("guessing gets slow; a login that was guessed at stays open to addresses that know it [J-172]", () => {
  const guard = new LoginGuard(limits, nobodyIsAllowed);
  const delays = Array.from({ length: 4 }, () => guard.failed("192.0.2.1", "joe", 0).delayMs);
  assert.deepEqual(delays, [1000, 2000, 4000, 8000]);
  assert.equal(guard.refusal("192.0.2.2", "joe", 0), null);
  guard.succeeded("198.51.100.7", "joe");
  for (let i = 0; i < 20; i++) guard.failed(`203.0.113.${i}`, "joe", 0);
  assert.equal(guard.refusal("192.0.2.2", "joe", 0), "account");
  assert.equal(guard.refusal("198.51.100.7", "joe", 0), null);
  assert.equal(guard.refusal("192.0.2.2", "ann", 0), null);
  assert.equal(guard.refusal("192.0.2.2", "joe", 3_600_000), null, "forgiven in time");
});

test("an address is banned after so many failures, and let in again when the ban is over [J-236]", () => {
  const guard = new LoginGuard(limits, nobodyIsAllowed);
  for (let i = 0; i < 4; i++) assert.equal(guard.failed("192.0.2.1", `name${i}`, 0).banned, false);
  assert.equal(guard.refusal("192.0.2.1", "joe", 0), null);
  assert.equal(guard.failed("192.0.2.1", "joe", 0).banned, true);
  assert.equal(guard.refusal("192.0.2.1", "joe", 599_999), "banned");
  assert.equal(guard.refusal("192.0.2.2", "joe", 0), null, "its neighbour is not");
  assert.deepEqual(guard.bans(0), [{ network: "192.0.2.1", untilMs: 600_000 }]);
  const next = new LoginGuard(limits, nobodyIsAllowed, guard.state(0));
  assert.equal(next.refusal("192.0.2.1", "joe", 1), "banned", "the next process knows it");
  assert.equal(guard.refusal("192.0.2.1", "joe", 600_001), null);
  assert.deepEqual(guard.bans(600_001), []);
});

test("the allow list wins, an IPv6 network is one host, the loopback is never banned [J-236]", () => {
  const guard = new LoginGuard(limits, (ip) => ip === "192.0.2.9");
  for (let i = 0; i < 30; i++) {
    assert.equal(guard.failed("192.0.2.9", "joe", 0).banned, false);
    assert.equal(guard.failed("127.0.0.1", `front${i}`, 0).banned, false);
    guard.failed(`2001:db8:1:2::${i}`, `other${i}`, 0);
  }
  assert.equal(guard.refusal("192.0.2.9", "joe", 0), null);
  assert.equal(guard.refusal("127.0.0.1", "ann", 0), null);
  assert.equal(guard.refusal("2001:db8:1:2:ffff::1", "ann", 0), "banned");
  assert.equal(guard.refusal("2001:db8:1:3::1", "ann", 0), null);
});

test("0 failures in control/authbanfailures ban nobody", () => {
  const guard = new LoginGuard(() => ({ failures: 0, banSeconds: 600 }), nobodyIsAllowed);
  for (let i = 0; i < 50; i++) assert.equal(guard.failed("192.0.2.1", `n${i}`, 0).banned, false);
});

test("a ticket lets one session in, in time, at the worker it is for", () => {
  const master = Buffer.alloc(32, 1);
  const key = workerKey(master, 1000, 1000);
  const facts = { user: "j\xf6rg", maildir: "/home/j\xf6rg/Maildir", ip: "192.0.2.1", session: "p-1", tls: false };
  const line = issueTicket(facts, key, 1_000);
  const read = ticketReader(key);
  assert.equal(ticketReader(workerKey(master, 1001, 1000))(line, 1_000), null);
  assert.equal(read(`${line}x`, 1_000), null);
  assert.equal(
    read(
      line.replace(/^./, (c) => (c === "A" ? "B" : "A")),
      1_000,
    ),
    null,
  );
  assert.equal(read(issueTicket(facts, key, 1_000), 1_001 + ticketLifeMs), null, "too late");
  assert.equal(read(line, 1_500)?.maildir, facts.maildir);
  assert.equal(read(line, 1_500), null, "the second time");
});

test("no line whatever is a ticket without the key", () => {
  const read = ticketReader(Buffer.alloc(32, 7));
  fc.assert(fc.property(fc.string(), (line) => assert.equal(read(line, 0), null)));
});
