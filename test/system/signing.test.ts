/** A house that signs: what goes to other hosts carries signatures that others' verifiers take, and its keys are nobody's but the signer's. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { proveMessage, zoneDns } from "../../src/checks/testing/index.ts";
import { startTestDns } from "../../src/dns/testing/index.ts";
import { House, hasCommand, until } from "./house.ts";
import { openScriptedServer, type ScriptedServer } from "./scripted-server.ts";
import { sendOne } from "./smtp-client.ts";

type Key = {
  readonly selector: string;
  readonly state: string;
  readonly record: { readonly name: string; readonly text: string };
};

let server: ScriptedServer;
let house: House;
let keys: readonly Key[];
let folder: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "quail-signing-"));
  server = await openScriptedServer();
  house = await House.lay({
    control: {
      "tcp.smtp": ':allow,RELAYCLIENT=""\n',
      smtproutes: `:127.0.0.1:${server.port}\n`,
      dnsservers: "127.0.0.1:1\n",
      bouncehost: "example.org\n",
    },
  });
  house.run(["dkim", "new", "example.org"]);
  keys = JSON.parse(house.run(["dkim", "show", "--json"])) as readonly Key[];
  await house.start();
});
after(async () => {
  await house[Symbol.asyncDispose]();
  await server.close();
  rmSync(folder, { recursive: true });
});

const arrived = (words: string) =>
  until(`mail with ${words}`, () => server.taken.find(({ bytes }) => bytes.includes(words)) ?? null);
const zone = () => Object.fromEntries(keys.map(({ record }) => [record.name, { txt: [record.text] }]));
/** What our own verifier says of a message from the wire. */
async function ourWord(wire: Buffer): Promise<readonly string[]> {
  const message = wire.toString("latin1").replaceAll("\r\n", "\n");
  const { dkim } = await proveMessage(message, zoneDns(zone()), { nowSeconds: Math.floor(Date.now() / 1000) });
  return (dkim ?? []).map(({ result, algorithm, why }) => `${algorithm} ${result}${why}`);
}
const bothPass = ["rsa-sha256 pass", "ed25519-sha256 pass"];

/** Outside verifiers, each given the message's file; what they must print. */
function outsiders(
  file: string,
  dnsPort: number,
): readonly (readonly [name: string, has: boolean, words: readonly string[], says: RegExp])[] {
  const has = (words: readonly string[]) => spawnSync(words[0]!, words.slice(1)).status === 0;
  const records = JSON.stringify(Object.fromEntries(keys.map(({ record }) => [`${record.name}.`, record.text])));
  const python = `
import dkim, json, sys
records = json.loads(sys.argv[2])
look = lambda name, timeout=5: records.get(name.decode() if isinstance(name, bytes) else name, "").encode()
message = dkim.DKIM(open(sys.argv[1], "rb").read())
print([message.verify(idx=n, dnsfunc=look) for n in (0, 1)])`;
  const perl = `
use Net::DNS::Resolver; use Mail::DKIM::Verifier;
Mail::DKIM::DNS::resolver(Net::DNS::Resolver->new(nameservers => ["127.0.0.1"], port => $ARGV[1], recurse => 1));
my $v = Mail::DKIM::Verifier->new(); open(my $f, "<", $ARGV[0]); binmode $f; $v->load($f);
print join(",", map { $_->result_detail } $v->signatures), "\\n";`;
  const conf = join(folder, "opendkim.conf");
  const testDns = join(folder, "dns.txt");
  writeFileSync(testDns, keys.map(({ record }) => `${record.name} ${record.text}\n`).join(""));
  writeFileSync(conf, `Mode v\nSyslog no\nTestDNSData ${testDns}\nOmitHeaders *,+\n`);
  return [
    [
      "python3-dkim",
      has(["/usr/bin/python3", "-c", "import dkim, nacl"]),
      ["/usr/bin/python3", "-c", python, file, records],
      /\[True, True\]/,
    ],
    [
      "Mail::DKIM",
      has(["perl", "-MMail::DKIM", "-MNet::DNS", "-e1"]),
      ["perl", "-e", perl, file, String(dnsPort)],
      /^pass,/,
    ],
    [
      "opendkim",
      hasCommand("opendkim"),
      ["opendkim", "-x", conf, "-vv", "-t", file],
      /verification \(s=\S+ d=example\.org.*succeeded/,
    ],
  ];
}

test("mail of our domain goes out signed with both keys, and every verifier at hand takes them [J-203]", async (t) => {
  const body = `line with trailing blanks  \n\ttab\n.dot\n\xe4\xf6\n\n\n`;
  assert.equal(
    (
      await sendOne(
        house.ports.smtp,
        "joe@example.org",
        ["eve@far.test"],
        `From: Joe <joe@example.org>\nTo: eve@far.test\nSubject: signed one\nDate: Sun, 22 Nov 2026 10:00:00 +0000\n\n${body}`,
      )
    ).code,
    250,
  );
  const { bytes } = await arrived("signed one");
  assert.deepEqual(await ourWord(bytes), bothPass);
  const file = join(folder, "message.eml");
  writeFileSync(file, bytes);
  const strings = (text: string): string[] => text.match(/.{1,255}/g) ?? [];
  await using dns = await startTestDns(
    Object.fromEntries(keys.map(({ record }) => [record.name, { txt: [strings(record.text)] }])),
  );
  for (const [name, has, [command = "", ...words], says] of outsiders(file, dns.port)) {
    await t.test(name, { skip: !has && `not installed: ${name}` }, async () => {
      const { promise, resolve } = Promise.withResolvers<string>();
      const { execFile } = await import("node:child_process");
      execFile(command, words, { encoding: "latin1", timeout: 60_000 }, (_error, stdout, stderr) =>
        resolve(stdout + stderr),
      );
      assert.match(await promise, says);
    });
  }
});

test("a bounce of ours is signed, foreign mail that is passed on and other domains' is not", async () => {
  const injected = (text: string) => house.run(["qmail-inject", "-f", "joe@example.org", "eve@far.test"], text);
  injected("From: joe@elsewhere.test\nSubject: another domain\n\n");
  assert.deepEqual(await ourWord((await arrived("another domain")).bytes), []);
  injected("Received: from x by y; Sun, 22 Nov 2026 10:00:00 +0000\nFrom: joe@example.org\nSubject: passed on\n\n");
  assert.deepEqual(await ourWord((await arrived("passed on")).bytes), []);
  injected("From: joe@sub.example.org\nSubject: below\n\n");
  assert.deepEqual(await ourWord((await arrived("Subject: below")).bytes), bothPass);
  house.run(["qmail-inject", "-f", "joe@far.test", "nobody-here@localhost"], "Subject: to be bounced\n\n");
  assert.deepEqual(await ourWord((await arrived("Hi. This is the")).bytes), bothPass);
});

test("a large message is signed as it is, its body read in pieces", async () => {
  const body = Array.from({ length: 20_000 }, (_, i) => `line ${i} ${"x".repeat(30)}\n`).join("");
  await sendOne(
    house.ports.smtp,
    "joe@example.org",
    ["eve@far.test"],
    `From: joe@example.org\nSubject: large one\n\n${body}`,
  );
  assert.deepEqual(await ourWord((await arrived("large one")).bytes), bothPass);
});

test("keys are the signer's alone, rotation overlaps, and without a usable key mail waits [J-206]", async () => {
  const path = house.path("dkim", "example.org");
  for (const name of readdirSync(path).filter((name) => name.endsWith(".pem"))) {
    assert.equal(statSync(join(path, name)).mode & 0o777, 0o600);
    assert.equal(statSync(join(path, name)).uid, statSync(house.path("dkim")).uid);
  }
  house.run(["dkim", "rotate", "example.org", "--after", "1"]);
  const states = JSON.parse(house.run(["dkim", "show", "example.org", "--json"])) as readonly Key[];
  assert.deepEqual(
    states.map(({ state }) => state),
    ["signing", "signing", "waiting", "waiting"],
  );
  await sendOne(
    house.ports.smtp,
    "joe@example.org",
    ["eve@far.test"],
    "From: joe@example.org\nSubject: in the overlap\n\n",
  );
  assert.deepEqual(await ourWord((await arrived("in the overlap")).bytes), bothPass);
  house.control("dkimsign", "example.org:gone\n");
  await sendOne(house.ports.smtp, "joe@example.org", ["eve@far.test"], "From: joe@example.org\nSubject: waits\n\n");
  await house.logged(/deferral: Unable_to_sign_this_message_for_now/);
  await until("the alert", () =>
    /alert: sign: unable to use a key domain=example\.org selector=gone/.test(house.log("sign")),
  );
  assert.ok(!server.taken.some(({ bytes }) => bytes.includes("Subject: waits")));
});
