import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import fc from "fast-check";
import type { LoginSources } from "../check-login.ts";
import { openTokenCheck } from "./check-token.ts";
import { checkUrl } from "./fetch-json.ts";
import { type Jwk, verifyJwt } from "./jwt.ts";

const rules = { issuer: "https://login.test", audience: "mail", scope: null };
const now = 1_000_000;
const good = { iss: rules.issuer, aud: "mail", exp: now + 300, email: "joe@mx.test" };

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const ed = generateKeyPairSync("ed25519");
const jwkOf = (key: KeyObject, more: Partial<Jwk>): Jwk => ({ ...key.export({ format: "jwk" }), ...more });
const keys = [
  jwkOf(rsa.publicKey, { kid: "r", alg: "RS256", use: "sig" }),
  jwkOf(ec.publicKey, { kid: "e" }),
  jwkOf(ed.publicKey, { kid: "d" }),
];

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

function token(header: object, claims: object, key: KeyObject, hash: string | null = "sha256"): string {
  const data = `${part(header)}.${part(claims)}`;
  const seal = sign(hash, Buffer.from(data), { key, dsaEncoding: "ieee-p1363" });
  return `${data}.${seal.toString("base64url")}`;
}

const rs = (claims: object = good, header: object = { alg: "RS256", kid: "r" }): string =>
  token(header, claims, rsa.privateKey);
const kindOf = (text: string, known: readonly Jwk[] = keys): string => {
  const verdict = verifyJwt(text, known, rules, now);
  return verdict.kind === "refused" ? verdict.reason : verdict.kind;
};

test("tokens signed with RSA, P-256 and Ed25519 keys of the issuer are good [J-171]", () => {
  assert.equal(kindOf(rs()), "good");
  assert.equal(kindOf(token({ alg: "ES256", kid: "e" }, good, ec.privateKey)), "good");
  assert.equal(kindOf(token({ alg: "EdDSA", kid: "d" }, good, ed.privateKey, null)), "good");
  assert.equal(kindOf(rs(good, { alg: "RS256" })), "good", "a token that names no key");
});

test("the peer chooses no algorithm: none, a shared secret and another key's kind are refused [J-171]", () => {
  const unsigned = `${part({ alg: "none" })}.${part(good)}.AA`;
  assert.equal(kindOf(unsigned), "an algorithm that is not taken");
  assert.equal(kindOf(`${part({ alg: "HS256", kid: "r" })}.${part(good)}.AAAA`), "an algorithm that is not taken");
  assert.equal(kindOf(rs(good, { alg: "RS512", kid: "r" })), "unknown-key", "this key is for RS256 alone");
  assert.equal(kindOf(rs(good, { alg: "ES256", kid: "r" })), "unknown-key");
  assert.equal(kindOf(rs(good, { alg: "constructor", kid: "r" })), "an algorithm that is not taken");
  assert.equal(kindOf(rs(good, { alg: "RS256", kid: "r", crit: ["x"] })), "an algorithm that is not taken");
  assert.equal(kindOf(rs(good, { alg: "RS256", kid: "other" })), "unknown-key");
});

test("a token is for us, from the issuer, of now, and unchanged", () => {
  assert.equal(kindOf(rs({ ...good, iss: "https://evil.test" })), "another issuer");
  assert.equal(kindOf(rs({ ...good, aud: ["web"] })), "for another audience");
  assert.equal(kindOf(rs({ ...good, aud: ["web", "mail"] })), "good");
  assert.equal(kindOf(rs({ ...good, exp: now - 61 })), "expired");
  assert.equal(kindOf(rs({ ...good, exp: undefined })), "expired");
  assert.equal(kindOf(rs({ ...good, nbf: now + 61 })), "not valid yet");
  assert.equal(kindOf(rs({ ...good, email_verified: false })), "address not verified");
  const [head, , seal] = rs().split(".");
  assert.equal(kindOf(`${head}.${part({ ...good, email: "ann@mx.test" })}.${seal}`), "a wrong signature");
  assert.equal(kindOf("a.b.c"), "no signed token");
});

test("an RSA key that is too short checks nothing", () => {
  const short = generateKeyPairSync("rsa", { modulusLength: 1024 });
  const text = token({ alg: "RS256", kid: "s" }, good, short.privateKey);
  assert.equal(kindOf(text, [jwkOf(short.publicKey, { kid: "s" })]), "a wrong signature");
});

test("no text whatever makes the check throw, or is good", () => {
  const anyPart = fc.oneof(
    fc.base64String(),
    fc.json().map((text) => Buffer.from(text).toString("base64url")),
  );
  fc.assert(
    fc.property(fc.array(anyPart, { maxLength: 4 }), (parts) => {
      assert.notEqual(verifyJwt(parts.join("."), keys, rules, now).kind, "good");
    }),
  );
});

test("an issuer is asked over TLS or on this machine alone", () => {
  for (const bad of ["http://login.test/keys", "file:///etc/passwd", "ftp://127.0.0.1/"]) {
    assert.throws(() => checkUrl(bad), /no https address/, bad);
  }
  assert.equal(checkUrl("https://login.test/keys").hostname, "login.test");
  assert.equal(checkUrl("http://127.0.0.1:8080/keys").port, "8080");
});

let home = "";
let server: Server;
let origin = "";
let asked = 0;
const said = new Map<string, unknown>();

const account = (login: string) => ({ login, hash: "!", uid: 1, gid: 1, home: "/" });
const sources: LoginSources = {
  popEntry: (login) => (/^(?:joe|ann)@mx\.test$/.test(login) ? account(login) : null),
  systemAccount: () => null,
  program: () => null,
  appPasswords: () => [],
  defaultDomain: () => "mx.test",
  isLocalDomain: () => false,
};

function control(name: string, text: string, mode = 0o644): void {
  writeFileSync(join(home, "control", name), text);
  chmodSync(join(home, "control", name), mode);
}

before(async () => {
  home = mkdtempSync(join(tmpdir(), "quail-oauth-"));
  mkdirSync(join(home, "control"));
  server = createServer((request, response) => {
    asked++;
    let body = "";
    request.on("data", (piece: Buffer) => {
      body += piece.toString();
    });
    request.on("end", () => {
      const given = `${request.headers.authorization ?? ""} ${new URLSearchParams(body).get("token") ?? ""}`;
      const answer = said.get(request.url === "/keys" ? "keys" : given) ?? { active: false };
      response.end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => {
  server.close();
  rmSync(home, { recursive: true });
});

const fresh = (): string => rs({ ...good, exp: Math.floor(Date.now() / 1000) + 300 });

test("a token lets its owner in and nobody else; without control/oauth it lets nobody in [J-171]", async () => {
  const check = openTokenCheck(home, sources);
  assert.equal((await check(fresh(), "joe@mx.test")).kind, "no", "no control/oauth");
  control("keys.json", JSON.stringify({ keys }));
  control("oauth", `issuer:${rules.issuer}\naudience:mail\njwks:keys.json\n`);
  assert.equal((await check(fresh(), "joe@mx.test")).kind, "yes");
  assert.equal((await check(fresh(), "joe")).kind, "yes", "the same account by another name");
  assert.equal((await check(fresh(), "")).kind, "yes");
  assert.equal((await check(fresh(), "ann@mx.test")).kind, "no");
  assert.equal((await check(rs({ ...good, exp: Date.now(), email: "eve@mx.test" }), "")).kind, "no", "no such account");
});

test("keys are fetched once, and again for a key not seen before, not for every stranger's", async () => {
  said.set("keys", { keys: [] });
  control("oauth", `issuer:${rules.issuer}\naudience:mail\njwks:${origin}/keys\n`);
  const check = openTokenCheck(home, sources);
  asked = 0;
  for (let i = 0; i < 5; i++) assert.equal((await check(fresh(), "")).kind, "no");
  assert.equal(asked, 1);
  said.set("keys", { keys });
  assert.equal((await openTokenCheck(home, sources)(fresh(), "")).kind, "yes");
});

test("an opaque token is the issuer's to judge (RFC 7662); an issuer that cannot be asked is trouble, not a refusal", async () => {
  control("oauth", `issuer:${rules.issuer}\naudience:mail\nintrospect:${origin}/ask\nclaim:username\n`);
  control("oauthsecret", "quail:s3cret\n", 0o600);
  const basic = `Basic ${Buffer.from("quail:s3cret").toString("base64")}`;
  said.set(`${basic} opaque`, { active: true, username: "joe@mx.test" });
  said.set(`${basic} others`, { active: true, username: "joe@mx.test", aud: "web" });
  const check = openTokenCheck(home, sources);
  assert.equal((await check("opaque", "")).kind, "yes");
  assert.equal((await check("others", "")).kind, "no");
  assert.equal((await check("revoked", "")).kind, "no");
  control("oauth", `issuer:${rules.issuer}\naudience:mail\nintrospect:http://127.0.0.1:1/ask\n`);
  await assert.rejects(check("opaque", ""), /cannot be asked about tokens/);
});
