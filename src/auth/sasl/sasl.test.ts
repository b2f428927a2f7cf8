import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fromBytes, toBytes, utf8ToByteString } from "#bytes";
import type { Identity, Verdict } from "../check-login.ts";
import { deriveScramKey, makeScramKey, parseScramKey, type StoredKey } from "../scram-keys.ts";
import { verifySecret } from "../verify-secret.ts";
import { readOauthBearer, readXoauth2 } from "./bearer.ts";
import { cramDigest } from "./cram-md5.ts";
import type { SaslEnd, SaslFacts, SaslOracle } from "./exchange.ts";
import { saslMechanisms } from "./mechanisms.ts";
import { saslPrep } from "./sasl-prep.ts";

const who = (user: string): Identity => ({ user, uid: 1, gid: 1, home: "/", shell: "/bin/sh", isSystem: false });
const yes = (user: string): Verdict => ({ kind: "yes", who: who(user) });
const no: Verdict = { kind: "no" };

const facts: SaslFacts = { hostName: "mx.test", tlsExporter: null, offersPlus: false, nonce: () => "nonce" };

/** An oracle that knows one account. */
function oracleOf(name: string, secret: string, key: StoredKey | null = null): SaslOracle {
  return {
    password: async (login, given) => (login === name && given === secret ? yes(name) : no),
    proof: async (login, challenge, proof) =>
      login === name && proof === cramDigest(challenge, secret) ? yes(name) : no,
    scramKey: async (login, hash) => ({
      key: key ?? (await deriveScramKey("other", { hash, iterations: 4096, salt: Buffer.from("salt") })),
      proven: login === name ? yes(name) : no,
    }),
    token: async (token, login) => (token === secret && (login === name || login === "") ? yes(name) : no),
    certificate: async (login) => (login === name || login === "" ? yes(name) : no),
  };
}

type Played = { readonly challenges: readonly string[]; readonly end: SaslEnd | null };

/** Plays a mechanism against responses; the first is the initial one, or null. */
async function play(
  mechanism: string,
  responses: readonly (string | null)[],
  oracle: SaslOracle,
  more: Partial<SaslFacts> = {},
): Promise<Played> {
  const [initial = null, ...rest] = responses;
  const steps = saslMechanisms.get(mechanism)!(initial === null ? null : toBytes(initial), oracle, {
    ...facts,
    ...more,
  });
  const challenges: string[] = [];
  let step = await steps.next(Buffer.alloc(0));
  for (const response of rest) {
    if (step.done === true) break;
    challenges.push(fromBytes(step.value));
    step = await steps.next(toBytes(response ?? ""));
  }
  if (step.done !== true) challenges.push(fromBytes(step.value));
  return { challenges, end: step.done === true ? step.value : null };
}

const verdictOf = ({ end }: Played): string => (end?.kind === "verdict" ? end.verdict.kind : (end?.kind ?? "open"));

test("PLAIN takes its response at once or when asked; who would speak for somebody else is refused [J-171]", async () => {
  const tim = oracleOf("tim", "tanstaaftanstaaf");
  // RFC 4616 §4
  assert.equal(verdictOf(await play("PLAIN", ["\0tim\0tanstaaftanstaaf"], tim)), "yes");
  const asked = await play("PLAIN", [null, "\0tim\0tanstaaftanstaaf"], tim);
  assert.deepEqual([asked.challenges, verdictOf(asked)], [[""], "yes"]);
  assert.equal(verdictOf(await play("PLAIN", ["tim\0tim\0tanstaaftanstaaf"], tim)), "yes");
  assert.equal(verdictOf(await play("PLAIN", ["Ursel\0tim\0tanstaaftanstaaf"], tim)), "no");
  assert.equal(verdictOf(await play("PLAIN", ["\0tim\0wrong"], tim)), "no");
  for (const bad of ["", "tim", "tim\0secret", "\0\0secret", "\0tim\0", "\0tim\0a\0b"]) {
    assert.equal(verdictOf(await play("PLAIN", [bad], tim)), "malformed", JSON.stringify(bad));
  }
});

test("LOGIN asks for both in the words clients know, or takes the name at once [J-171] [Q-276]", async () => {
  const joe = oracleOf("joe", "secret");
  const asked = await play("LOGIN", [null, "joe", "secret"], joe);
  assert.deepEqual([asked.challenges, verdictOf(asked)], [["Username:", "Password:"], "yes"]);
  const atOnce = await play("LOGIN", ["joe", "secret"], joe);
  assert.deepEqual([atOnce.challenges, verdictOf(atOnce)], [["Password:"], "yes"]);
  assert.equal(verdictOf(await play("LOGIN", [null, "joe", "wrong"], joe)), "no");
  assert.equal(verdictOf(await play("LOGIN", [null, "", "x"], joe)), "malformed");
});

test("CRAM-MD5 is RFC 2195's own example [J-171]", async () => {
  const tim = oracleOf("tim", "tanstaaftanstaaf");
  const at = { hostName: "postoffice.reston.mci.net", nonce: () => "1896.697170952" };
  const right = await play("CRAM-MD5", [null, "tim b913a602c7eda7a495b4e6e7334d3890"], tim, at);
  assert.deepEqual(right.challenges, ["<1896.697170952@postoffice.reston.mci.net>"]);
  assert.equal(verdictOf(right), "yes");
  assert.equal(verdictOf(await play("CRAM-MD5", [null, "tim b913a602c7eda7a495b4e6e7334d3891"], tim, at)), "no");
  assert.equal(verdictOf(await play("CRAM-MD5", [null, "tim x"], tim, at)), "malformed");
  assert.equal(verdictOf(await play("CRAM-MD5", ["tim"], tim, at)), "malformed", "it has no initial response");
});

/** The examples of RFC 5802 §5 and RFC 7677 §3. */
const examples = [
  {
    mechanism: "SCRAM-SHA-1",
    hash: "sha1",
    salt: "QSXCR+Q6sek8bf92",
    first: "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
    nonce: "3rfcNHYJY1ZVvWVs7j",
    serverFirst: "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
    last: "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    serverLast: "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
  },
  {
    mechanism: "SCRAM-SHA-256",
    hash: "sha256",
    salt: "W22ZaJ0SNY7soEsUEjb6gQ==",
    first: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
    nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
    serverFirst: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    last: "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    serverLast: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
  },
] as const;

for (const { mechanism, hash, salt, first, nonce, serverFirst, last, serverLast } of examples) {
  test(`${mechanism} is its RFC's own example, and any other proof is refused [J-171]`, async () => {
    const key = await deriveScramKey("pencil", { hash, iterations: 4096, salt: Buffer.from(salt, "base64") });
    const user = oracleOf("user", "", key);
    const at = { nonce: () => nonce };
    const right = await play(mechanism, [first, last, ""], user, at);
    assert.deepEqual(right.challenges, [serverFirst, serverLast]);
    assert.equal(verdictOf(right), "yes");
    assert.equal(
      verdictOf(await play(mechanism, [null, first, last, ""], user, at)),
      "yes",
      "without initial response",
    );
    assert.equal(verdictOf(await play(mechanism, [first, last.replace("biws", "eSws")], user, at)), "no");
    assert.equal(verdictOf(await play(mechanism, [first, last.replace(/p=../, "p=AA")], user, at)), "no");
    assert.equal(verdictOf(await play(mechanism, [first.replace("=user", "=nobody"), last], user, at)), "no");
    assert.equal(verdictOf(await play(mechanism, [first, last], user, { nonce: () => "other" })), "no");
    assert.equal(verdictOf(await play(mechanism, [`m=1,${first}`, last], user, at)), "malformed");
  });
}

/** A client of ours: for bindings, which the RFCs have no example of. */
async function scramClient(header: string, binding: Buffer, mechanism: string, more: Partial<SaslFacts>) {
  const { createHash, createHmac, pbkdf2Sync } = await import("node:crypto");
  const salt = Buffer.from("0123456789abcdef");
  const key = await deriveScramKey("pencil", { hash: "sha256", iterations: 4096, salt });
  const bare = "n=user,r=abc";
  const hmac = (k: Buffer, text: string): Buffer => createHmac("sha256", k).update(text).digest();
  const serverFirst = `r=abcnonce,s=${salt.toString("base64")},i=4096`;
  const c = Buffer.concat([Buffer.from(header), binding]).toString("base64");
  const whole = `${bare},${serverFirst},c=${c},r=abcnonce`;
  const clientKey = hmac(pbkdf2Sync("pencil", salt, 4096, 32, "sha256"), "Client Key");
  const signature = hmac(createHash("sha256").update(clientKey).digest(), whole);
  const proof = Buffer.from(clientKey.map((byte, i) => byte ^ signature[i]!)).toString("base64");
  const last = `c=${c},r=abcnonce,p=${proof}`;
  return verdictOf(await play(mechanism, [header + bare, last, ""], oracleOf("user", "", key), more));
}

test("SCRAM-SHA-256-PLUS is bound to this TLS connection and to no other; a lie about binding is seen [J-171]", async () => {
  const exporter = Buffer.alloc(32, 7);
  const plus = "SCRAM-SHA-256-PLUS";
  const bound = { tlsExporter: exporter, offersPlus: true };
  assert.equal(await scramClient("p=tls-exporter,,", exporter, plus, bound), "yes");
  assert.equal(await scramClient("p=tls-exporter,,", Buffer.alloc(32, 8), plus, bound), "no", "another connection's");
  assert.equal(await scramClient("p=tls-unique,,", exporter, plus, bound), "malformed");
  assert.equal(await scramClient("n,,", Buffer.alloc(0), plus, bound), "no");
  assert.equal(await scramClient("p=tls-exporter,,", exporter, "SCRAM-SHA-256", bound), "no");
  assert.equal(await scramClient("n,,", Buffer.alloc(0), "SCRAM-SHA-256", bound), "yes", "who cannot bind may say so");
  assert.equal(
    await scramClient("y,,", Buffer.alloc(0), "SCRAM-SHA-256", bound),
    "no",
    "somebody took -PLUS out of the list",
  );
  assert.equal(await scramClient("y,,", Buffer.alloc(0), "SCRAM-SHA-256", {}), "yes");
  assert.equal(await scramClient("n,a=user,", Buffer.alloc(0), "SCRAM-SHA-256", {}), "yes");
  assert.equal(await scramClient("n,a=other,", Buffer.alloc(0), "SCRAM-SHA-256", {}), "no");
});

test("a SCRAM key checks the password it was made of, in any of its forms, and is refused when it asks for too little", async () => {
  const made = await makeScramKey("pencil");
  assert.match(made, /^\{SCRAM-SHA-256\}10000,/);
  assert.equal(await verifySecret("pencil", made), "yes");
  assert.equal(await verifySecret("Pencil", made), "no");
  assert.equal(await verifySecret(utf8ToByteString("\u00aa"), await makeScramKey("a", "sha1")), "yes");
  assert.equal(parseScramKey(made.replace("10000", "100")), null);
  assert.equal(parseScramKey("{SCRAM-SHA-256}4096,c2FsdA==,AAAA,AAAA"), null);
});

for (const [given, prepared] of [
  // RFC 4013 §3
  ["I\u00adX", "IX"],
  ["user", "user"],
  ["USER", "USER"],
  ["\u00aa", "a"],
  ["\u2168", "IX"],
  ["\u0007", null],
  ["a\u00a0b", "a b"],
] as const) {
  test(`SASLprep makes ${JSON.stringify(given)} ${JSON.stringify(prepared)}`, () =>
    assert.equal(saslPrep(utf8ToByteString(given)), prepared === null ? null : utf8ToByteString(prepared)));
}

test("OAUTHBEARER is RFC 7628's own example; a refused token is told so before the end [J-171]", async () => {
  const token = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==";
  const user = oracleOf("user@example.com", token);
  const message = `n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer ${token}\x01\x01`;
  assert.equal(verdictOf(await play("OAUTHBEARER", [message], user)), "yes");
  assert.equal(verdictOf(await play("OAUTHBEARER", [message.replace("a=user@example.com", "")], user)), "yes");
  const refused = await play("OAUTHBEARER", [message.replace("vF9", "xxx"), "\x01"], user);
  assert.deepEqual([refused.challenges, verdictOf(refused)], [['{"status":"invalid_token"}'], "no"]);
  assert.equal(verdictOf(await play("OAUTHBEARER", ["n,,\x01auth=Basic abc\x01\x01"], user)), "malformed");
});

test("XOAUTH2 is what Google's clients send [J-171]", async () => {
  const user = oracleOf("someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg");
  const message = "user=someuser@example.com\x01auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\x01\x01";
  assert.equal(verdictOf(await play("XOAUTH2", [message], user)), "yes");
  const refused = await play("XOAUTH2", [message.replace("ya29", "ya30"), ""], user);
  assert.match(refused.challenges[0] ?? "", /^\{"status":"400"/);
  assert.equal(verdictOf(refused), "no");
});

test("EXTERNAL takes the certificate's name, or one it may have", async () => {
  const joe = oracleOf("joe", "");
  assert.equal(verdictOf(await play("EXTERNAL", [""], joe)), "yes");
  assert.equal(verdictOf(await play("EXTERNAL", [null, "joe"], joe)), "yes");
  assert.equal(verdictOf(await play("EXTERNAL", ["ann"], joe)), "no");
});

test("no octets whatever make a mechanism throw, or log anybody in", async () => {
  const nobody = oracleOf("", "");
  const oracle = { ...nobody, token: async () => no, certificate: async () => no };
  const octets = fc.string({ unit: fc.nat({ max: 255 }).map((n) => String.fromCharCode(n)), maxLength: 200 });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...saslMechanisms.keys()), octets, octets, async (mechanism, one, two) => {
      assert.notEqual(verdictOf(await play(mechanism, [one, two, ""], oracle)), "yes");
    }),
    { numRuns: 200 },
  );
  fc.assert(fc.property(octets, (text) => void [readOauthBearer(text), readXoauth2(text)]));
});
