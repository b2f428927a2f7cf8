/** POP3 with every part under its own uid, as an installed system runs it: only root can try that. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { makeHash } from "#auth";

const entry = fileURLToPath(new URL("./run.ts", import.meta.url));
const [listener, joe, ann] = [54_322, 54_323, 54_324];

function isOpenToAll(path: string): boolean {
  return (statSync(path).mode & 0o005) === 0o005 && (dirname(path) === path || isOpenToAll(dirname(path)));
}
const skip =
  process.getuid?.() !== 0
    ? "not root"
    : isOpenToAll(dirname(entry))
      ? (false as const)
      : "this checkout lies where only root gets to";

let home = "";
let port = 0;
const children: ChildProcess[] = [];
let log = "";

/** Starts a service and waits for its line. */
function start(
  words: readonly string[],
  who: { uid: number; gid: number } | null,
  said: RegExp,
): Promise<RegExpExecArray> {
  const child = spawn(process.execPath, [entry, ...words], {
    cwd: home,
    stdio: ["ignore", "pipe", "pipe"],
    ...(who ?? {}),
  });
  children.push(child);
  return new Promise((done, failed) => {
    const take = (piece: Buffer): void => {
      log += piece.toString("latin1");
      const found = said.exec(log);
      if (found !== null) done(found);
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.once("exit", () => failed(new Error(`${words[0]} ended:\n${log}`)));
  });
}

function layMailbox(name: string, uid: number): void {
  for (const part of ["", "Maildir", "Maildir/tmp", "Maildir/new", "Maildir/cur"]) {
    mkdirSync(join(home, name, part), { mode: 0o700 });
    chownSync(join(home, name, part), uid, uid);
  }
  const file = join(home, name, "Maildir/new/1.x");
  writeFileSync(file, `Subject: for ${name}\n\n`, { mode: 0o600 });
  chownSync(file, uid, uid);
  utimesSync(file, 1, 1);
}

before(async () => {
  if (skip !== false) return;
  home = mkdtempSync(join(tmpdir(), "quail-pop3d-"));
  chmodSync(home, 0o755);
  for (const folder of ["control", "run"]) {
    mkdirSync(join(home, folder));
    chmodSync(join(home, folder), 0o755);
  }
  writeFileSync(join(home, "control/me"), "mx.test\n");
  layMailbox("joe", joe);
  layMailbox("ann", ann);
  const hash = await makeHash("secret");
  const entries = [
    `joe:${hash}:${joe}:${joe}:${home}/joe`,
    `ann:${hash}:${ann}:${ann}:${home}/ann`,
    `root:${hash}:0:0:/root`,
  ];
  writeFileSync(join(home, "control/poppasswd"), `${entries.join("\n")}\n`, { mode: 0o600 });
  await start(
    ["local", `gid=${listener}`, `pop3-uid=${listener}`, "verbose=1", "nss=0"],
    null,
    /local serving single-uid=0/,
  );
  const ready = /pop3d listening address=127\.0\.0\.1 port=([0-9]+)/;
  port = Number((await start(["pop3d", "listen=127.0.0.1:0"], { uid: listener, gid: listener }, ready))[1]);
});
after(async () => {
  for (const child of children.toReversed()) {
    if (child.exitCode !== null) continue;
    const gone = new Promise((done) => child.once("exit", done));
    child.kill("SIGTERM");
    await gone;
  }
  if (home !== "") rmSync(home, { recursive: true });
});

function talk(lines: string): Promise<string> {
  return new Promise((done, failed) => {
    let said = "";
    const socket = connect({ port, host: "127.0.0.1" }, () => socket.end(lines));
    socket.on("data", (piece) => {
      said += piece.toString("latin1");
    });
    socket.once("error", failed);
    socket.once("close", () => done(said));
  });
}

test("each user's mailbox is served by a process of their own uid; root has none", { skip }, async () => {
  for (const [name, uid] of [
    ["joe", joe],
    ["ann", ann],
  ] as const) {
    const said = await talk(`USER ${name}\r\nPASS secret\r\nRETR 1\r\nQUIT\r\n`);
    assert.match(
      said,
      new RegExp(`\\r\\n\\+OK \\r\\n\\+OK \\r\\nSubject: for ${name}\\r\\n\\r\\n\\.\\r\\n\\+OK \\r\\n$`),
    );
    const read = statSync(join(home, name, "Maildir/cur/1.x:2,"));
    assert.equal(read.uid, uid);
    const [, pid] = new RegExp(`pop3 worker start uid=${uid} gid=${uid} pid=([0-9]+)`).exec(log) ?? [];
    assert.deepEqual([statSync(`/proc/${pid}`).uid, statSync(`/proc/${pid}`).gid], [uid, uid]);
  }
  assert.match(await talk("USER root\r\nPASS secret\r\nSTAT\r\nQUIT\r\n"), /-ERR \[SYS\/TEMP\]/);
  for (let tries = 0; !log.includes("auth trouble") && tries < 100; tries++) await sleep(50); // Lines come in bursts.
  assert.match(log, /auth trouble reason=uid_0_has_no_mailbox/);
});
