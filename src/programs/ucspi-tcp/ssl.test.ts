import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect as connectPlain } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { connect } from "node:tls";
import type { Program } from "#process";
import { keyPem, makeKey, selfSign } from "#tls";
import { linkedPrograms } from "../testing/linked-programs.ts";
import { folderFor, outcome, run, serve, talk, ucspiOf } from "./testing/ucspi-house.ts";

const programs = linkedPrograms(["sslclient"]);
const dayMs = 86_400_000;
const deadlineMs = 30_000;

/** A certificate for this name with its key, one file. */
function certify(folder: string, name: string, file = "cert.pem"): string {
  const key = makeKey();
  const now = Date.now();
  const cert = selfSign({ names: [name], key, notBefore: new Date(now - dayMs), notAfter: new Date(now + dayMs) });
  const path = join(folder, file);
  writeFileSync(path, cert + keyPem(key));
  return path;
}

const sslserver = (
  t: TestContext,
  options: readonly string[],
  program: readonly string[],
  env: NodeJS.ProcessEnv,
  own: Readonly<Record<string, Program>> = {},
) => serve(t, ["-RHl", "here", ...options], program, { name: "sslserver", env, programs: own });

/** What a TLS client hears after saying this; null if there was no TLS. */
function talkTls(
  port: number,
  input: string,
  cert = "",
): Promise<{ readonly heard: string; readonly name: string } | null> {
  return new Promise((done, failed) => {
    const options = cert === "" ? {} : { cert, key: cert };
    const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false, servername: "sni.test", ...options });
    const late = setTimeout(() => failed(new Error("still open")), deadlineMs);
    let heard = "";
    let name: string | null = null;
    socket.setEncoding("latin1");
    socket.on("secureConnect", () => {
      name = String(socket.getPeerCertificate().subject?.CN);
      socket.end(input);
    });
    socket.on("data", (chunk) => (heard += chunk));
    socket.on("error", () => {});
    socket.on("close", () => {
      clearTimeout(late);
      done(name === null || heard === "" ? null : { heard, name });
    });
  });
}

test("under TLS a program has plain text, PROTO=SSL and the SSL variables, the TCP ones if they are wanted [U-114]", async (t) => {
  const CERTFILE = certify(folderFor(t), "mail.test");
  const plain = await sslserver(t, [], ["sh", "-c", "env; cat"], { CERTFILE, TCPREMOTEIP: "old" });
  const said = await talkTls(plain.port, "hello");
  assert.match(said?.heard ?? "", /hello$/);
  const env = ucspiOf(said?.heard ?? "");
  assert.deepEqual(
    [env.PROTO, env.SSLLOCALIP, env.SSLLOCALHOST, env.SSLLOCALPORT, env.SSLREMOTEIP, env.TCPREMOTEIP, env.SSL_PROTOCOL],
    ["SSL", "127.0.0.1", "here", String(plain.port), "127.0.0.1", undefined, undefined],
  );
  const all = await sslserver(t, ["-es"], ["env"], { CERTFILE });
  const more = ucspiOf((await talkTls(all.port, ""))?.heard ?? "");
  assert.deepEqual(
    [more.TCPREMOTEIP, more.SSL_PROTOCOL, more.SSL_TLS_SNI, more.SSL_SERVER_S_DN_CN, more.SSL_CLIENT_VERIFY],
    ["127.0.0.1", "TLSv1.3", "sni.test", "mail.test", "NONE"],
  );
});

test("a program of ours serves TLS in the server's process, with a number and a code as without [U-114]", async (t) => {
  const CERTFILE = certify(folderFor(t), "mail.test");
  const echo: Program = async ({ stdin, stdout, pid }) => {
    stdout.write(`I am ${pid}\n`);
    for await (const chunk of stdin) stdout.write(chunk);
    return 7;
  };
  const server = await sslserver(
    t,
    ["-v"],
    ["onward", "echo"],
    { CERTFILE },
    { echo, onward: ({ exec }) => exec(["echo"]) },
  );
  assert.match((await talkTls(server.port, "x".repeat(100_000)))?.heard ?? "", /^I am \d{7,}\nx{100000}$/);
  await server.stderr.until(/sslserver: ok \d+ .*\n(?:.*\n)*sslserver: end \d+ status 1792\n/);
});

test("a handshake that does not come to an end in time ends the connection [U-116]", async (t) => {
  const CERTFILE = certify(folderFor(t), "mail.test");
  const server = await sslserver(t, ["-v", "-T1"], ["echo", "never"], { CERTFILE });
  const silent = connectPlain(server.port, "127.0.0.1");
  silent.on("error", () => {}).resume();
  await once(silent, "close");
  await server.stderr.until(/dropping connection, unable to speak TLS: timed out\nsslserver: end \d+ status 28416\n/);
  assert.doesNotMatch(await talk(server.port, "HELO plain text\r\n"), /never/);
  await server.stderr.until(/unable to speak TLS: (?!timed out).*\n/);
});

test("with -i a client needs a certificate that our authorities vouch for [U-114]", async (t) => {
  const folder = folderFor(t);
  const { readFileSync } = await import("node:fs");
  const CERTFILE = certify(folder, "mail.test");
  const good = readFileSync(certify(folder, "joe", "joe.pem"), "latin1");
  const bad = readFileSync(certify(folder, "eve", "eve.pem"), "latin1");
  const server = await sslserver(t, ["-is"], ["env"], { CERTFILE, CCAFILE: join(folder, "joe.pem") });
  const env = ucspiOf((await talkTls(server.port, "", good))?.heard ?? "");
  assert.deepEqual([env.SSL_CLIENT_S_DN_CN, env.SSL_CLIENT_VERIFY], ["joe", "SUCCESS"]);
  assert.equal(await talkTls(server.port, "", bad), null);
  assert.equal(await talkTls(server.port, ""), null);
});

test("a new certificate counts at once, a damaged one leaves the old in place", async (t) => {
  const folder = folderFor(t);
  const CERTFILE = certify(folder, "old.test");
  const server = await sslserver(t, [], ["echo", "hi"], { CERTFILE });
  assert.equal((await talkTls(server.port, ""))?.name, "old.test");
  certify(folder, "new.test");
  assert.equal((await talkTls(server.port, ""))?.name, "new.test");
  writeFileSync(CERTFILE, "no certificate");
  assert.equal((await talkTls(server.port, ""))?.name, "new.test");
  assert.match(server.stderr.text(), /warning: the old certificate stays/);
  const gone = await outcome(t, ["sslserver", "127.0.0.1", "0", "true"], { env: { CERTFILE: join(folder, "none") } });
  assert.deepEqual(
    [gone.code, gone.stderr],
    [111, "sslserver: fatal: unable to load certificate or key: file does not exist\n"],
  );
});

test("where it is delayed a program speaks plainly on 0 and 1, asks, and goes on by TLS on descriptors of its own [U-115]", async (t) => {
  const CERTFILE = certify(folderFor(t), "mail.test");
  const script = [
    "read line; echo plain $line",
    'printf Y >&"$SSLCTLFD"; names=$(head -c 13 <&"$SSLCTLFD")',
    'read line <&"$SSLREADFD"; echo "secret $line $names" >&"$SSLWRITEFD"',
  ].join("\n");
  const server = await sslserver(t, [], ["sh", "-c", script], { CERTFILE, UCSPITLS: "" });
  const raw = connectPlain(server.port, "127.0.0.1");
  raw.write("one\n");
  const [first] = await once(raw, "data");
  assert.equal(String(first), "plain one\n");
  const secure = connect({ socket: raw, rejectUnauthorized: false });
  await once(secure, "secureConnect");
  secure.write("two\n");
  let heard = "";
  secure.on("data", (chunk) => (heard += chunk)).on("error", () => {});
  await once(secure, "close");
  assert.equal(heard, "secret two SSL_PROTOCOL=\n");
});

test("a program that does not ask for TLS serves as it would anyway [U-115]", async (t) => {
  const CERTFILE = certify(folderFor(t), "mail.test");
  const server = await sslserver(t, [], ["cat"], { CERTFILE, UCSPITLS: "" });
  assert.equal(await talk(server.port, "plain"), "plain");
});

test("sslclient gives its program plain text on 6 and 7, and trusts only a certificate that is good and the host's [U-114]", async (t) => {
  const folder = folderFor(t);
  const CERTFILE = certify(folder, "mail.test");
  const server = await sslserver(t, [], ["sed", "s/^/> /"], { CERTFILE });
  const ask = async (...options: readonly string[]) => {
    const script = 'echo "hello" >&7; exec 7>&-; read line <&6; echo "$line $PROTO $SSLREMOTEPORT"; exit 6';
    const words = ["-RHl0", ...options, "127.0.0.1", String(server.port), "sh", "-c", script];
    const running = run(t, [`${programs.bin}/sslclient`, ...words], { env: { PATH: programs.path } });
    return [await running.code, running.stdout.text(), running.stderr.text()];
  };
  assert.deepEqual(await ask("-X"), [6, `> hello SSL ${server.port}\n`, ""]);
  assert.deepEqual(await ask("-N", "-a", CERTFILE), [6, `> hello SSL ${server.port}\n`, ""]);
  const [code, , said] = await ask("-a", CERTFILE);
  assert.equal(code, 111);
  assert.match(String(said), /^sslclient: fatal: unable to speak TLS: .*(?:IP|altnames|127)/);
  assert.match(String((await ask())[2]), /^sslclient: fatal: unable to speak TLS: .*self-signed/);
});
