import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { chmodSync, existsSync, lstatSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { runInProcess } from "#process";
import { namesOf, parseIdentity } from "#tls";
import { startAcmeServer, testHome, testIdentity } from "#tls/testing";
import { findProgram } from "../index.ts";

type Ran = { readonly code: number; readonly out: string; readonly err: string };

async function cert(home: string, ...words: readonly string[]): Promise<Ran> {
  const ran = await runInProcess(findProgram, ["quail", "cert", ...words], {
    env: { QUAIL_HOME: home, PATH: "/usr/bin:/bin" },
    cwd: home,
    stdin: Readable.from([]),
  });
  return { code: ran!.code, out: ran!.stdout.toString(), err: ran!.stderr.toString() };
}

/** A port nobody has; who takes it must be quick. */
function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((done) => {
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => done(port));
    });
  });
}

const nameOf = (path: string): readonly string[] => namesOf(parseIdentity(readFileSync(path, "latin1")).certificate);

test("new makes servercert.pem for control/me, or certificates for names, and show lists them", async () => {
  using place = testHome({ me: "mx.test\n" });
  const control = join(place.home, "control");
  assert.match((await cert(place.home, "show")).out, /^no certificates/);
  assert.equal((await cert(place.home, "new")).out, `${control}/servercert.pem\n`);
  assert.deepEqual(nameOf(`${control}/servercert.pem`), ["mx.test"]);
  assert.equal(statSync(`${control}/servercert.pem`).mode & 0o777, 0o600);
  chmodSync(`${control}/servercert.pem`, 0o640);
  assert.equal((await cert(place.home, "new", "a.test", "*.b.test")).out, `${control}/certs/a.test.pem\n`);
  assert.equal(statSync(`${control}/certs/a.test.pem`).mode & 0o777, 0o640, "who may read servercert.pem reads it");
  assert.deepEqual(nameOf(`${control}/certs/_.b.test.pem`), ["a.test", "*.b.test"]);
  const shown = JSON.parse((await cert(place.home, "show", "--json")).out);
  assert.deepEqual(
    shown.map(({ names, issuer, problem }: Record<string, unknown>) => ({ names, issuer, problem })),
    [
      { names: ["mx.test"], issuer: null, problem: null },
      { names: ["a.test", "*.b.test"], issuer: null, problem: null },
    ],
  );
  assert.match((await cert(place.home, "show")).out, /servercert\.pem\n {2}names {4}mx\.test\n {2}issuer {3}itself/);
  place.lay("servercert.pem", "of no use");
  const broken = await cert(place.home, "show");
  assert.deepEqual([broken.code, /holds no certificate/.test(broken.out)], [1, true]);
});

test("get lays what the authority gives, for every name; renew leaves it until it is due, and then brings another [J-219]", async () => {
  const server = await startAcmeServer();
  try {
    using place = testHome({ me: "mx.test\n", "servercert.pem": testIdentity("mx.test") });
    server.ports.http = await freePort();
    const ca = join(place.home, "ca.pem");
    writeFileSync(ca, server.authority);
    const where = ["--port", String(server.ports.http), "--host", "127.0.0.1"];
    const words = ["mx.test", "mail.test", "--agree", "--server", server.directory, "--ca", ca, ...where];
    const got = await cert(place.home, "get", ...words);
    assert.deepEqual([got.err, got.code], ["", 0]);
    const path = join(place.home, "control/certs/mx.test.pem");
    assert.equal(got.out, `${path}\n`);
    assert.deepEqual(nameOf(join(place.home, "control/certs/mail.test.pem")), ["mx.test", "mail.test"]);
    assert.ok(lstatSync(join(place.home, "control/certs/mail.test.pem")).isSymbolicLink());
    assert.equal(statSync(join(place.home, "acme")).mode & 0o777, 0o700);
    const first = new X509Certificate(readFileSync(path)).serialNumber;
    assert.deepEqual(await cert(place.home, "renew"), { code: 0, out: "", err: "" });
    assert.equal((await cert(place.home, "renew", "--force", "--host", "127.0.0.1")).out, `${path}\n`);
    assert.notEqual(new X509Certificate(readFileSync(path)).serialNumber, first);
    writeFileSync(path, "of no use any more");
    assert.equal((await cert(place.home, "renew", "--host", "127.0.0.1")).out, `${path}\n`, "what is of no use is due");
    const before = readFileSync(path);
    server.ports.http = 1;
    const failed = await cert(place.home, "renew", "--force", "--host", "127.0.0.1");
    assert.equal(failed.code, 111);
    assert.match(failed.err, /^quail cert: acme\/mx\.test\.json: mx\.test: unauthorized: wrong answer\n$/);
    assert.deepEqual(readFileSync(path), before, "a failure changes nothing");
  } finally {
    server.close();
  }
});

test("a program lays DNS records for a wildcard; --keep-key keeps the key; without either nobody lays them [J-219]", async () => {
  const server = await startAcmeServer();
  try {
    using place = testHome({ me: "mx.test\n" });
    const [ca, hook, laid] = ["ca.pem", "hook", "laid"].map((name) => join(place.home, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(ca, server.authority);
    writeFileSync(hook, `#!/bin/sh\necho "$@" >>${laid}\n`, { mode: 0o755 });
    const words = ["*.mx.test", "--agree", "--server", server.directory, "--ca", ca];
    const alone = await cert(place.home, "get", ...words);
    assert.match(alone.out, /_acme-challenge\.mx\.test\. TXT "[A-Za-z0-9_-]{43}"/);
    assert.match(alone.err, /nobody laid the record _acme-challenge\.mx\.test/);
    // The records are looked up when they have been laid: here, by whoever reads what the hook was told.
    const zone = Object.defineProperty(server, "records", {
      value: {
        get: (name: string) =>
          new RegExp(`present ${name.replaceAll(".", "\\.")} (\\S+)\n$`).exec(readFileSync(laid, "utf8"))?.[1],
      },
    });
    assert.ok(zone);
    assert.equal((await cert(place.home, "get", ...words, "--hook", hook, "--keep-key")).code, 0);
    const path = join(place.home, "control/certs/_.mx.test.pem");
    const key = parseIdentity(readFileSync(path, "latin1")).key;
    assert.equal((await cert(place.home, "renew", "--force")).code, 0);
    assert.equal(parseIdentity(readFileSync(path, "latin1")).key, key);
    assert.match(readFileSync(laid, "utf8"), /^present \S+ \S+\nremove \S+ \S+\npresent \S+ \S+\nremove \S+ \S+\n$/);
  } finally {
    server.close();
  }
});

test("a wrong command line is told, and nothing is asked or made", async () => {
  using place = testHome({ me: "mx.test\n" });
  const cases: readonly (readonly [words: readonly string[], reason: RegExp])[] = [
    [[], /what is to be done/],
    [["gte"], /there is no "gte"/],
    [["get"], /for which names/],
    [["get", "mx.test"], /--agree says that you agree/],
    [["get", "../../x", "--agree"], /is no host name/],
    [["get", "mx.test", "--agree", "--by", "mail"], /http, tls or dns is wanted/],
    [["get", "*.mx.test", "--agree", "--by", "http"], /a wildcard is proved by dns only/],
    [["get", "mx.test", "--agree", "--port", "0"], /--port wants a number/],
    [["new", "--fast"], /unknown option --fast/],
  ];
  for (const [words, reason] of cases) {
    const { code, err } = await cert(place.home, ...words);
    assert.deepEqual([code, reason.test(err)], [100, true], `${words.join(" ")}: ${err}`);
  }
  assert.ok(!existsSync(join(place.home, "acme")));
});
