/**
 * TLS as other people's programs see it, all on one house: openssl, curl and swaks against its four ports, mail in and mail out again. The
 * house's own certificate is nobody's business here, so each is told to trust it.
 */
import assert from "node:assert/strict";
import { type ExecFileException, execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { House, inbox, needs, until } from "./house.ts";

let house: House;
let password = "";
let folder = "";
before(async () => {
  house = await House.open({ pop3: true, tls: true, control: { tlsonly: "submission\npop3\n" } });
  password = /^ {2}password {2}(\S+)$/m.exec(readFileSync(house.path("welcome.txt"), "utf8"))?.[1] ?? "";
  folder = mkdtempSync(join(tmpdir(), "quail-tls-clients-"));
});
after(async () => {
  await house[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

type Ran = { readonly code: number; readonly out: string };

function run(program: string, args: readonly string[], input = ""): Promise<Ran> {
  return new Promise((done) => {
    const child = execFile(program, args, { timeout: 60_000 }, (error: ExecFileException | null, stdout, stderr) => {
      done({ code: error === null ? 0 : Number(error.code ?? 1), out: stdout + stderr });
    });
    child.stdin?.on("error", () => {}); // It may not want to hear it all.
    child.stdin?.end(input);
  });
}

/** What curl reads by POP3; it must be told of TLS by the address or by an option. */
const curl = (address: string, ...more: readonly string[]): Promise<Ran> =>
  run("curl", ["-sSk", "-u", `you:${password}`, ...more, address]);

test("a fresh home has a certificate of its own, and its key is nobody else's", () => {
  const { mode } = statSync(house.path("control/servercert.pem"));
  assert.equal(mode & 0o777, 0o600);
  assert.equal(statSync(house.path("run/tls/tickets")).mode & 0o377, 0);
});

test("openssl is shown the certificate on every port, by STARTTLS, STLS and without [J-173]", {
  skip: needs("openssl"),
}, async () => {
  const { smtp, submission, smtps, pop3, pop3s } = house.ports;
  const ways = [
    [smtp, "smtp"],
    [submission, "smtp"],
    [pop3, "pop3"],
    [smtps, null],
    [pop3s, null],
  ] as const;
  for (const [port, starttls] of ways) {
    const words = ["s_client", "-connect", `127.0.0.1:${port}`, "-servername", "localhost"];
    const { out } = await run("openssl", [...words, ...(starttls === null ? [] : ["-starttls", starttls])], "QUIT\r\n");
    assert.match(out, /subject=CN ?= ?localhost/, `port ${port}`);
    assert.match(out, /TLSv1\.3, Cipher is TLS_AES_256_GCM_SHA384/, `port ${port}`);
  }
});

test("openssl is refused with TLS 1.1, and with a cipher of yesterday [J-174]", {
  skip: needs("openssl"),
}, async () => {
  const old = ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"];
  for (const words of [old, ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"]]) {
    const { code, out } = await run("openssl", ["s_client", "-connect", `127.0.0.1:${house.ports.smtps}`, ...words]);
    assert.notEqual(code, 0);
    assert.match(out, /Cipher is \(NONE\)/);
  }
});

test("swaks sends by STARTTLS and to the port for TLS alone; Received tells of it", {
  skip: needs("swaks"),
}, async () => {
  const swaks = (subject: string, ...more: readonly string[]): Promise<Ran> => {
    const to = ["--server", "127.0.0.1", "--helo", "client.test", "--from", "a@b.test", "--to", inbox];
    return run("swaks", [...to, "--header", `Subject: ${subject}`, "--body", "x", ...more]);
  };
  const clear = await swaks("clear", "--port", String(house.ports.submission));
  assert.match(clear.out, /530 5\.7\.0 STARTTLS first/);
  const first = await swaks("starttls", "--tls", "--port", String(house.ports.submission));
  assert.equal(first.code, 0, first.out);
  const second = await swaks("on connect", "--tls-on-connect", "--port", String(house.ports.smtps));
  assert.equal(second.code, 0, second.out);
  const messages = await house.mail(2);
  for (const message of messages) {
    assert.match(message, /^ {2}by \S+ with ESMTPS \(TLSv1\.[23] [A-Z0-9_-]+\);/m);
  }
});

test("curl logs in by STLS and on the port for TLS alone, and not in the clear where that is forbidden", {
  skip: needs("curl"),
}, async () => {
  const { pop3, pop3s } = house.ports;
  const stls = await curl(`pop3://127.0.0.1:${pop3}/`, "--ssl-reqd");
  assert.equal(stls.code, 0, stls.out);
  const secure = await curl(`pop3s://127.0.0.1:${pop3s}/`);
  assert.equal(secure.code, 0, secure.out);
  assert.notEqual((await curl(`pop3://127.0.0.1:${pop3}/`)).code, 0);
  await until("the log says so", () => /session end .* user=you\S* tls=1/.test(house.log("pop3d")));
});

test("fetchmail takes mail by STLS", { skip: needs("fetchmail") }, async () => {
  const rc = join(folder, "fetchmailrc");
  const plugin = `mda "cat >> ${join(folder, "fetched")}"`;
  writeFileSync(
    rc,
    `poll 127.0.0.1 service ${house.ports.pop3} proto pop3 user you password "${password}" keep fetchall sslproto TLS1.2+ no sslcertck ${plugin}\n`,
    { mode: 0o600 },
  );
  const words = ["-f", rc, "--nosyslog", "-v", "--pidfile", join(folder, "fetchmail.pid"), "-i", join(folder, "ids")];
  const { out } = await run("fetchmail", words);
  assert.match(out, /STLS/);
  assert.match(out, /(?:No mail for you|messages? for you)/);
});
