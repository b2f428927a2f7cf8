import assert from "node:assert/strict";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createPlainServer } from "node:net";
import { test } from "node:test";
import { namesOf, parseIdentity } from "../identity.ts";
import { makeKey } from "../make-certificate.ts";
import { type AcmeServer, startAcmeServer } from "../testing/acme-server.ts";
import { AcmeError, dnsSolver, httpSolver, obtain, type Solver, tlsSolver } from "./index.ts";

async function withServer(use: (server: AcmeServer) => Promise<void>): Promise<void> {
  const server = await startAcmeServer();
  try {
    await use(server);
  } finally {
    server.close();
  }
}

/** A port nobody has; who takes it must be quick. */
function freePort(): Promise<number> {
  const server = createPlainServer();
  return new Promise((done) => {
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => done(port));
    });
  });
}

const accountKey = makeKey();
const want = (server: AcmeServer, solver: Solver, ...names: readonly [string, ...string[]]): Promise<string> =>
  obtain({
    server: server.directory,
    accountKey,
    mail: "postmaster@mx.test",
    names,
    key: makeKey(),
    solver,
    authorities: server.authority,
  });

test("http-01 brings a certificate for several names, with its key [J-219]", async () => {
  await withServer(async (server) => {
    server.ports.http = await freePort();
    const pem = await want(server, httpSolver({ port: server.ports.http, host: "127.0.0.1" }), "mx.test", "mail.test");
    const { certificate } = parseIdentity(pem);
    assert.deepEqual(namesOf(certificate), ["mx.test", "mail.test"]);
    assert.equal(certificate.issuer, "CN=Test Authority");
  });
});

test("tls-alpn-01 shows the challenge's certificate to who asks for acme-tls/1 (RFC 8737) [J-219]", async () => {
  await withServer(async (server) => {
    server.ports.tls = await freePort();
    const pem = await want(server, tlsSolver({ port: server.ports.tls, host: "127.0.0.1" }), "mx.test");
    assert.deepEqual(namesOf(parseIdentity(pem).certificate), ["mx.test"]);
  });
});

test("dns-01 proves a wildcard, and its record is taken away again [J-219]", async () => {
  await withServer(async (server) => {
    const solver = dnsSolver(
      async ({ name, value }) => void server.records.set(name, value),
      async ({ name }) => void server.records.delete(name),
    );
    const pem = await want(server, solver, "*.mx.test");
    assert.deepEqual(namesOf(parseIdentity(pem).certificate), ["*.mx.test"]);
    assert.equal(server.records.size, 0);
  });
});

test("a nonce that is refused is replaced, a few times (RFC 8555 §6.5)", async () => {
  await withServer(async (server) => {
    server.ports.http = await freePort();
    const solver = httpSolver({ port: server.ports.http, host: "127.0.0.1" });
    server.staleNonces = 2;
    await want(server, solver, "mx.test");
    server.staleNonces = 50;
    await assert.rejects(
      want(server, solver, "mx.test"),
      (error) => error instanceof AcmeError && error.type === "badNonce",
    );
  });
});

test("what the server will not have, and a challenge answered wrongly, is told in its words", async () => {
  await withServer(async (server) => {
    server.ports.http = await freePort();
    const solver = httpSolver({ port: server.ports.http, host: "127.0.0.1" });
    await assert.rejects(want(server, solver, "forbidden.test"), /^Error: rejectedIdentifier: not that name$/);
    server.ports.http = 1; // Nobody answers there.
    await assert.rejects(want(server, solver, "mx.test"), /^Error: mx\.test: unauthorized: wrong answer$/);
  });
});

test("an ACME server is asked over HTTPS, and must be one", async () => {
  const ask = (server: string): Promise<string> =>
    obtain({
      server,
      accountKey,
      mail: null,
      names: ["mx.test"],
      key: makeKey(),
      solver: httpSolver({ port: 0 }),
      authorities: null,
    });
  await assert.rejects(ask("http://acme.test/directory"), /is no address of an ACME server/);
  const web = createServer((_request, response) => void response.end("<html>")).listen(0, "127.0.0.1");
  await new Promise((done) => web.once("listening", done));
  await assert.rejects(ask(`http://127.0.0.1:${(web.address() as AddressInfo).port}/`), /has no newAccount/);
  web.close();
  await withServer(async (server) => {
    await assert.rejects(ask(server.directory), /self-signed certificate/);
  });
});
