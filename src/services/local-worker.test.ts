import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Address, type DeliveryJob, messageInMemory } from "#mail";
import { makeMaildir } from "#mailbox";
import { closeServer, connectUnix, listenUnix } from "#net";
import { type CourierLink, linkCourier } from "#send";

const isRoot = process.getuid?.() === 0;
const uid = isRoot ? 70_001 : (process.getuid?.() ?? 0);
const gid = isRoot ? 70_001 : (process.getgid?.() ?? 0);
const entry = fileURLToPath(new URL("./run.ts", import.meta.url));

/** Gives a tree to the user that the worker is. */
function give(path: string): void {
  if (!isRoot) return;
  fs.chownSync(path, uid, gid);
  if (fs.statSync(path).isDirectory()) for (const name of fs.readdirSync(path)) give(join(path, name));
}

/** A house with controls, a user's home with a Maildir, and a worker that is that user. */
async function startWorker(
  t: TestContext,
  options: readonly string[] = [],
  change: { readonly env?: NodeJS.ProcessEnv; readonly asRoot?: boolean } = {},
) {
  const folder = fs.mkdtempSync(join(tmpdir(), "quail-worker-"));
  fs.chmodSync(folder, 0o755);
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  const [house, home] = [join(folder, "house"), join(folder, "joe")];
  fs.mkdirSync(join(house, "control"), { recursive: true });
  makeMaildir(`${folder}/joe`);
  fs.readdirSync(home).map((name) => fs.rmdirSync(join(home, name)));
  makeMaildir(`${home}/Maildir`);
  give(home);

  const socketPath = join(folder, "socket");
  const server = await listenUnix(socketPath, (socket) => socket.destroy());
  fs.renameSync(socketPath, `${socketPath}.kept`); // Closing our listener removes the name it was bound to.
  const fd = (server as unknown as { _handle: { fd: number } })._handle.fd;
  const child: ChildProcess = spawn(process.execPath, [entry, "local-worker", "listen-fd=3", ...options], {
    cwd: house,
    env: { PATH: process.env.PATH, QUAIL_HOME: house, ...change.env },
    stdio: ["ignore", "pipe", "inherit", fd],
    ...(isRoot && change.asRoot !== true ? { uid, gid } : {}),
  });
  await closeServer(server);
  let log = "";
  child.stdout!.on("data", (bytes: Buffer) => {
    log += bytes.toString();
  });
  const exited = once(child, "exit").then(([code, signal]) => ({ code, signal }));
  t.after(async () => {
    child.kill("SIGKILL");
    await exited;
  });

  const links: CourierLink[] = [];
  t.after(() => links.map((link) => link.close()));
  return {
    house,
    home,
    child,
    exited,
    log: () => log,
    write(name: string, text: string): void {
      fs.writeFileSync(join(home, name), text, { mode: 0o600 });
      give(join(home, name));
    },
    mails: (): string[] => fs.readdirSync(join(home, "Maildir", "new")),
    async connect(): Promise<CourierLink> {
      const socket = await connectUnix(`${socketPath}.kept`);
      assert.ok("write" in socket);
      return new Promise((done) => {
        const link: CourierLink = linkCourier(socket, () => link.ceiling() > 0 && done(link));
        links.push(link);
      });
    },
    job: (change: Partial<DeliveryJob> = {}): DeliveryJob => ({
      queueId: 1,
      bornAtMs: 1_000,
      index: 0,
      again: false,
      awaited: false,
      sender: "jim@a.test" as Address,
      recipient: "joe@host.test" as Address,
      route: { user: "joe", uid, gid, home, dash: "", ext: "" },
      message: messageInMemory(Buffer.from("Subject: x\n\nbody\n")),
      ...change,
    }),
  };
}

test("a worker delivers as its user what the queue gives it; the edit of control/defaultdelivery is seen at once", async (t) => {
  const worker = await startWorker(t, [`uid=${uid}`]);
  const queue = await worker.connect();
  assert.equal(queue.ceiling(), 120);
  fs.writeFileSync(join(worker.house, "control", "defaultdelivery"), "./Maildir/\n");
  assert.deepEqual(await queue.deliver(worker.job()), { fate: "done", text: "did 1+0+0\n" });
  const [name] = worker.mails();
  const facts = fs.statSync(join(worker.home, "Maildir", "new", name!));
  assert.deepEqual([facts.uid, facts.gid, facts.mode & 0o777], [uid, gid, 0o600]);
  fs.writeFileSync(join(worker.house, "control", "defaultdelivery"), "|id -u; id -g; umask\n./Mailbox\n");
  assert.deepEqual(await queue.deliver(worker.job({ queueId: 2 })), {
    fate: "done",
    text: `${uid}\n${gid}\n0077\ndid 1+0+1\n`,
  });
});

test("programs have the user's uid and gid and no other group [Q-135]", {
  skip: !isRoot && "needs root",
}, async (t) => {
  const worker = await startWorker(t);
  worker.write(".qmail", "|id -ru; id -u; id -rg; id -g; id -G\n");
  const outcome = await (await worker.connect()).deliver(worker.job());
  assert.deepEqual(outcome, { fate: "done", text: `${uid}\n${uid}\n${gid}\n${gid}\n${gid}\ndid 0+0+1\n` });
});

test("many deliveries at once, large ones among them, are each reported", async (t) => {
  const worker = await startWorker(t);
  worker.write(".qmail", "./Maildir/\n");
  const queue = await worker.connect();
  const large = Buffer.from(`Subject: y\n\n${"line\n".repeat(100_000)}`);
  const outcomes = await Promise.all(
    Array.from({ length: 60 }, (_, index) => {
      const message = { ...messageInMemory(large), whole: null };
      return queue.deliver(worker.job(index % 20 === 0 ? { index, message } : { index }));
    }),
  );
  for (const outcome of outcomes) assert.deepEqual(outcome, { fate: "done", text: "did 1+0+0\n" });
  assert.equal(worker.mails().length, 60);
});

test("a worker killed in the middle of a delivery leaves nothing that the next attempt doubles", async (t) => {
  const worker = await startWorker(t);
  worker.write(".qmail", "./Maildir/\n");
  const queue = await worker.connect();
  const bytes = Buffer.from(`Subject: y\n\n${"line\n".repeat(400_000)}`);
  const message = {
    ...messageInMemory(bytes),
    whole: null,
    read(offset: number, length: number): Promise<Buffer> {
      if (offset > bytes.length / 2) worker.child.kill("SIGKILL");
      return messageInMemory(bytes).read(offset, length);
    },
  };
  assert.equal(await queue.deliver(worker.job({ message })), "lost");
  assert.deepEqual(worker.mails(), []);
  assert.equal(fs.readdirSync(join(worker.home, "Maildir", "tmp")).length, 1);

  const next = await startWorker(t);
  const route = { user: "joe", uid, gid, home: worker.home, dash: "", ext: "" };
  const again = { ...worker.job({ message: { ...messageInMemory(bytes), whole: null } }), route, again: true };
  const second = await next.connect();
  for (let i = 0; i < 2; i++) assert.deepEqual(await second.deliver(again), { fate: "done", text: "did 1+0+0\n" });
  assert.equal(worker.mails().length, 1);
  assert.deepEqual(fs.readdirSync(join(worker.home, "Maildir", "tmp")), []);
});

test("forwards go to the queue, by QMAILQUEUE if it is set; their number is reported", async (t) => {
  const folder = fs.mkdtempSync(join(tmpdir(), "quail-qq-"));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  fs.chmodSync(folder, 0o777);
  const program = join(folder, "qq");
  fs.writeFileSync(program, `#!/bin/sh\ncat > ${folder}/message\ncat <&1 > ${folder}/envelope\n`, { mode: 0o755 });
  const worker = await startWorker(t, [], { env: { QMAILQUEUE: program } });
  worker.write(".qmail", "&a@x.test\nb@x.test\n");
  const outcome = await (await worker.connect()).deliver(worker.job());
  assert.ok(typeof outcome !== "string");
  assert.match(outcome.text, /^did 0\+2\+0\nqp [0-9]+\n$/);
  assert.equal(fs.readFileSync(join(folder, "message"), "latin1"), "Delivered-To: joe@host.test\nSubject: x\n\nbody\n");
  assert.equal(fs.readFileSync(join(folder, "envelope"), "latin1"), "Fjim@a.test\0Ta@x.test\0Tb@x.test\0\0");
});

test("program lines wait with allow-programs=0", async (t) => {
  const worker = await startWorker(t, ["allow-programs=0"]);
  worker.write(".qmail", "|touch here\n");
  const outcome = await (await worker.connect()).deliver(worker.job());
  assert.deepEqual(outcome, { fate: "temporary", text: "Programs are switched off here. (#4.3.0)\n" });
});

test("a worker without work and connections ends by itself", async (t) => {
  const worker = await startWorker(t, ["idle-seconds=1"]);
  const queue = await worker.connect();
  await queue.deliver(worker.job());
  await new Promise((done) => setTimeout(done, 1_500));
  assert.equal(worker.child.exitCode, null, "a connection keeps it");
  queue.close();
  assert.deepEqual(await worker.exited, { code: 0, signal: null });
  assert.equal(worker.log(), "");
});

test("asked to end, a worker finishes and reports what is under way", async (t) => {
  const worker = await startWorker(t);
  worker.write(".qmail", "|touch begun; sleep 1; echo finished\n");
  const queue = await worker.connect();
  const delivering = queue.deliver(worker.job());
  while (!fs.existsSync(join(worker.home, "begun"))) await new Promise((done) => setTimeout(done, 20));
  worker.child.kill("SIGTERM");
  assert.deepEqual(await delivering, { fate: "done", text: "finished\ndid 0+0+1\n" });
  assert.deepEqual(await worker.exited, { code: 0, signal: null });
});

test("a worker is not root unless told so, and nobody it was not meant to be [Q-131]", async (t) => {
  const other = await startWorker(t, ["uid=12345"]);
  assert.deepEqual(await other.exited, { code: 111, signal: null });
  assert.match(other.log(), /alert: cannot start: started as uid \d+ instead of 12345\n/);
  if (!isRoot) return;
  const root = await startWorker(t, [], { asRoot: true });
  assert.deepEqual(await root.exited, { code: 111, signal: null });
  assert.match(root.log(), /cannot start: Not allowed to perform deliveries as root\.\n/);
  const trial = await startWorker(t, ["root=1"], { asRoot: true });
  const route = { user: "root", uid: 0, gid: 0, home: trial.home, dash: "", ext: "" };
  fs.mkdirSync(join(trial.house, "control"), { recursive: true });
  fs.writeFileSync(join(trial.house, "control", "defaultdelivery"), "./Maildir/\n");
  const outcome = await (await trial.connect()).deliver(trial.job({ route }));
  assert.deepEqual(outcome, { fate: "done", text: "did 1+0+0\n" });
});
