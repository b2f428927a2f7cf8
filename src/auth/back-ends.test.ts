/** The other ways to check a login: app passwords, programs with checkpassword's interface, certificates. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  isAppName,
  newAppPassword,
  parseAppPasswords,
  renderAppPassword,
  withoutAppPassword,
} from "./app-passwords.ts";
import { openCertificateCheck } from "./check-certificate.ts";
import { checkLogin } from "./check-login.ts";
import { openLoginSources } from "./login-sources.ts";
import { makeHash } from "./phc.ts";
import { cramDigest } from "./sasl/cram-md5.ts";
import { openSaslOracle } from "./sasl/open-oracle.ts";
import { storeClear } from "./verify-secret.ts";

let home = "";
const nobody = { passwd: "/dev/null", shadow: "/dev/null" };

before(() => {
  home = mkdtempSync(join(tmpdir(), "quail-back-ends-"));
  mkdirSync(join(home, "control"));
  writeFileSync(join(home, "control/me"), "mx.test\n");
});
after(() => rmSync(home, { recursive: true }));

function control(name: string, text: string): void {
  writeFileSync(join(home, "control", name), text);
  chmodSync(join(home, "control", name), 0o600);
}

const check = (login: string, secret: string, timestamp = "") =>
  checkLogin({ login, secret, timestamp }, openLoginSources(home, nobody));

test("an app password is as good as the user's own, however it is typed, until it is taken back", async () => {
  control("poppasswd", `joe@mx.test:${await makeHash("own")}:1:1:/\n`);
  const [phone, laptop] = [newAppPassword(), newAppPassword()];
  const lines = [renderAppPassword("Joe@mx.test", "phone", phone, "2026-11-22")];
  lines.push(renderAppPassword("joe@mx.test", "laptop", laptop, "2026-11-22"));
  control("apppasswd", `${lines.join("\n")}\n`);
  for (const secret of [
    "own",
    phone,
    laptop,
    phone.toUpperCase(),
    phone.replaceAll("-", ""),
    phone.replaceAll("-", " "),
  ]) {
    assert.equal((await check("joe", secret)).kind, "yes");
  }
  assert.equal((await check("joe", phone.slice(1))).kind, "no");
  assert.ok(!lines.join().includes(phone.replaceAll("-", "")), "the file does not hold it");
  const left = withoutAppPassword(`${lines.join("\n")}\n`, "JOE@mx.test", "phone");
  control("apppasswd", left ?? "");
  assert.equal((await check("joe", phone)).kind, "no");
  assert.equal((await check("joe", laptop)).kind, "yes");
  assert.equal(withoutAppPassword(left ?? "", "joe@mx.test", "phone"), null);
  assert.deepEqual([...parseAppPasswords("# x\nbad\n:a:{APP}x.y:z\n")], []);
  assert.deepEqual([isAppName("my phone"), isAppName(":"), isAppName("")], [true, false, false]);
});

/** A checkpassword of the test's own: reads descriptor 3, goes on to what it is told, or says no by its exit code. */
const checker = `#!/bin/sh
IFS= read -r line <<X
$(tr '\\0' '|' <&3)
X
case $line in
  "foreign|right|"*) USER=foreign HOME=/tmp exec "$@" ;;
  "foreign|digest|<"*) USER=foreign HOME=/tmp exec "$@" ;;
  "later|"*) exit 111 ;;
  "odd|"*) exit 0 ;;
  *) exit 1 ;;
esac
`;

test("a program with checkpassword's interface is asked about everybody who is not in poppasswd", async () => {
  const path = join(home, "checker");
  writeFileSync(path, checker);
  chmodSync(path, 0o755);
  control("authcheckprogram", `${path}\n`);
  const yes = await check("foreign", "right");
  assert.deepEqual(yes.kind === "yes" && [yes.who.user, yes.who.home, yes.who.uid], [
    "foreign",
    "/tmp",
    process.getuid?.() ?? 0,
  ]);
  assert.equal((await check("foreign", "wrong")).kind, "no");
  assert.equal((await check("joe", "own")).kind, "yes", "poppasswd comes first");
  assert.equal((await check("later", "x")).kind, "later");
  assert.equal((await check("odd", "x")).kind, "later", "it did not go on to anything");
  const oracle = openSaslOracle(openLoginSources(home, nobody), Buffer.alloc(32), { token: null, certificate: null });
  assert.equal((await oracle.proof("foreign", "<1@mx.test>", "digest")).kind, "yes", "a challenge goes along");
  control("authcheckprogram", "/nonexistent/checker\n");
  assert.equal((await check("foreign", "right")).kind, "later");
  rmSync(join(home, "control/authcheckprogram"));
});

test("CRAM-MD5's digest counts against a secret kept in the clear, with the challenge in either place [Q-276]", async () => {
  control("poppasswd", `tim:${storeClear("tanstaaftanstaaf")}:1:1:/\nann:${await makeHash("x")}:1:1:/\n`);
  const challenge = "<1896.697170952@postoffice.reston.mci.net>";
  const digest = cramDigest(challenge, "tanstaaftanstaaf");
  assert.equal(digest, "b913a602c7eda7a495b4e6e7334d3890");
  assert.equal((await check("tim", digest, challenge)).kind, "yes");
  assert.equal((await check("tim", challenge, digest)).kind, "yes");
  assert.equal((await check("tim", digest, "<other>")).kind, "no");
  assert.equal((await check("ann", digest, challenge)).kind, "no");
});

test("SCRAM gives somebody who is not there a salt that stays the same, as everybody else's does [J-172]", async () => {
  const oracle = openSaslOracle(openLoginSources(home, nobody), Buffer.alloc(32, 1), {
    token: null,
    certificate: null,
  });
  const [once, again] = [await oracle.scramKey("nobody", "sha256"), await oracle.scramKey("NOBODY", "sha256")];
  assert.deepEqual(once.key.salt, again.key.salt);
  assert.equal(once.proven.kind, "no");
  const [hashed, clear] = [await oracle.scramKey("ann", "sha256"), await oracle.scramKey("tim", "sha256")];
  assert.deepEqual([hashed.proven.kind, clear.proven.kind], ["no", "yes"]);
  for (const { key } of [once, hashed, clear]) assert.deepEqual([key.iterations, key.salt.length], [10_000, 16]);
});

test("a certificate's names say whose it is by control/certusers alone", async () => {
  control("certusers", "Tim@Example.org:tim\nsha256/ab12:ann\nghost@example.org:nobody\n");
  const whose = openCertificateCheck(home, openLoginSources(home, nobody));
  const user = async (names: readonly string[], login = ""): Promise<string | null> => {
    const verdict = await whose(names, login);
    return verdict.kind === "yes" ? verdict.who.user : null;
  };
  assert.equal(await user(["tim@example.org"]), "tim");
  assert.equal(await user(["x@example.org", "sha256/ab12"]), "ann");
  assert.equal(await user(["tim@example.org"], "ann"), null);
  assert.equal(await user(["tim@example.org", "sha256/ab12"], "ann"), "ann");
  assert.equal(await user(["ghost@example.org"]), null);
  assert.equal(await user([]), null);
});
