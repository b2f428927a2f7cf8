/**
 * Rights that are taken away under a running house, and a disk that becomes read-only under it. For each: what a client is answered, that others are
 * served, and that all goes on when the rights are back.
 */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import { House, inbox, needs, readNew, until } from "../system/house.ts";
import { openScriptedServer } from "../system/scripted-server.ts";
import { SmtpClient, sendOne } from "../system/smtp-client.ts";
import { mailPasses, pidsOf } from "./watching.ts";

let house: House;
before(async () => {
  house = await House.open();
  writeFileSync(house.path("alias", ".qmail-somebody"), "&you@localhost\n", { mode: 0o644 });
  await mailPasses(house, "warm");
});
after(async () => {
  await house[Symbol.asyncDispose]();
});

/** Does `work` while a file or folder of the home has other rights. */
async function without(path: readonly string[], mode: number, work: () => Promise<void>): Promise<void> {
  const full = house.path(...path);
  const before = statSync(full).mode & 0o7777;
  chmodSync(full, mode);
  try {
    await work();
  } finally {
    chmodSync(full, before);
  }
}

const large = `Subject: large\n\n${`${"x".repeat(99)}\n`.repeat(5_000)}`;

/** The answer to a message, or to what came before it. */
async function answerTo(text: string, to = inbox): Promise<string> {
  const client = await SmtpClient.open(house.ports.smtp).catch((error: unknown) => String(error));
  if (typeof client === "string") return client.replace(/^Error: greeting: /, "");
  try {
    await client.command("HELO client.test");
    for (const command of ["MAIL FROM:<a@b.test>", `RCPT TO:<${to}>`]) {
      const { code, lines } = await client.command(command);
      if (code !== 250) return `${code} ${lines.join("/")}`;
    }
    await client.command("RSET");
    const { code, lines } = await client.send("a@b.test", [to], Buffer.from(text));
    return `${code} ${lines.join("/")}`;
  } finally {
    client.hangUp();
  }
}

const someServices = ["smtpd", "queue", "local"].flatMap.bind(["smtpd", "queue", "local"]);
const services = (): readonly number[] => someServices((role) => [...pidsOf(house, role)]);

const notRoot = (): string | false => {
  const uid = statSync(`/proc/${pidsOf(house, "queue")[0]}`).uid;
  return uid === 0 ? "the services run as root, whom no mode keeps out" : false;
};

test("the queue may not make files: a large message gets 451, small ones pass; large ones too when it may again", async (t) => {
  const why = notRoot();
  if (why !== false) return t.skip(why);
  const pids = services();
  // Each folder of queue/mess is closed: the one where the next message would lie among them.
  const parts = [
    "0",
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
    "8",
    "9",
    "10",
    "11",
    "12",
    "13",
    "14",
    "15",
    "16",
    "17",
    "18",
    "19",
    "20",
    "21",
    "22",
  ];
  for (const part of parts) chmodSync(house.path("queue", "mess", part), 0o500);
  try {
    assert.match(await answerTo(large), /^451 qq /);
    await mailPasses(house, "small meanwhile");
  } finally {
    for (const part of parts) chmodSync(house.path("queue", "mess", part), 0o700);
  }
  assert.match(await answerTo(large), /^250 /);
  assert.deepEqual(services(), pids);
});

test("the way to the sockets is closed: what is open goes on, a recipient who cannot be asked about is put off, never refused", async (t) => {
  const why = notRoot();
  if (why !== false) return t.skip(why);
  const pids = services();
  for (const folder of ["run", "queue"]) {
    await without([folder], 0o000, async () => {
      const answer = await answerTo(`Subject: ${folder} closed\n\n`);
      assert.match(answer, /^(?:250|451) /, folder);
      const other = await answerTo("Subject: x\n\n", "somebody@localhost");
      assert.match(other, /^(?:250|451) /, folder);
    });
    await mailPasses(house, `${folder} open again`);
  }
  assert.deepEqual(services(), pids);
});

test("control files that cannot be read any more: the last values hold, or the client is put off; nothing is opened to the world", async (t) => {
  const why = notRoot();
  if (why !== false) return t.skip(why);
  const pids = services();
  for (const [path, mode] of [
    [["control"], 0o000],
    [["control", "rcpthosts"], 0o000],
  ] as const) {
    await without(path, mode, async () => {
      assert.match(await answerTo(`Subject: ${path.join("/")}\n\n`), /^(?:250|421|451) /, path.join("/"));
      // From here one may relay: nobody is refused for good.
      assert.match(await answerTo("Subject: x\n\n", "a@elsewhere.test"), /^(?:250|421|451) /, path.join("/"));
    });
    await mailPasses(house, `${path.join("/")} again`);
  }
  assert.deepEqual(services(), pids);
});

test("alias and users' folders are closed: their mail is put off, and delivered later; others get theirs", async (t) => {
  const why = notRoot();
  if (why !== false) return t.skip(why);
  writeFileSync(house.path("alias", ".qmail-other"), "&you@localhost\n", { mode: 0o644 });
  assert.match(await answerTo("Subject: known\n\n", "somebody@localhost"), /^250 /); // And kept in mind for a while.
  await without(["alias"], 0o000, async () => {
    assert.match(await answerTo("Subject: unknown\n\n", "other@localhost"), /^451 /);
    assert.match(await answerTo("Subject: for somebody\n\n", "somebody@localhost"), /^(?:250|451) /);
    await mailPasses(house, "alias closed");
  });
  assert.match(await answerTo("Subject: for the other\n\n", "other@localhost"), /^250 /);
  house.signal("SIGALRM");
  await until("it is forwarded", () =>
    [...readNew(house.maildir).values()].some((bytes) => bytes.includes("for the other")),
  );
  assert.doesNotMatch(house.log(), /: failure: /);
});

test("the log's folder is closed: mail goes on", async (t) => {
  const why = notRoot();
  if (why !== false) return t.skip(why);
  await without(["log", "queue"], 0o500, async () => void (await mailPasses(house, "log closed")));
  await mailPasses(house, "log open");
});

const diskBytes = 64 * 1024 * 1024;
const skip =
  process.getuid?.() === 0 ? needs("mount", "mkfs.ext4", "losetup") : "needs root (to mount a disk of its own)";

type Disk = Disposable & { readonly path: string; makeReadOnly(): void; mountAnew(): Promise<void> };

/** A disk that becomes read-only as ext4 does when it finds itself damaged. */
function openDisk(): Disk | string {
  const folder = mkdtempSync(join(tmpdir(), "quail-read-only-"));
  chmodSync(folder, 0o755);
  const [image, path] = [join(folder, "image"), join(folder, "disk")];
  mkdirSync(path);
  writeFileSync(image, "");
  truncateSync(image, diskBytes);
  const mount = (): boolean =>
    spawnSync("mount", ["-t", "ext4", "-o", "loop,errors=remount-ro", image, path]).status === 0;
  const trigger = (): string => {
    const device = execFileSync("losetup", ["-j", image, "-O", "NAME", "-n"], { encoding: "latin1" }).trim();
    return `/sys/fs/ext4/${basename(device)}/trigger_fs_error`;
  };
  const disk: Disk = {
    path,
    makeReadOnly: () => writeFileSync(trigger(), "a test"),
    async mountAnew() {
      await until("the disk can be taken out", () => spawnSync("umount", [path]).status === 0);
      spawnSync("fsck.ext4", ["-p", "-f", image], { stdio: "ignore" });
      assert.ok(mount(), "mounted again");
    },
    [Symbol.dispose]() {
      spawnSync("umount", ["-l", path]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  const why =
    spawnSync("mkfs.ext4", ["-q", "-F", image]).status !== 0
      ? "mkfs.ext4 fails"
      : mount()
        ? null
        : "this process may not mount a loop device with ext4";
  if (why === null) {
    try {
      statSync(trigger());
      chmodSync(path, 0o755);
      return disk;
    } catch {
      disk[Symbol.dispose]();
      return "this kernel does not show its ext4 disks here";
    }
  }
  disk[Symbol.dispose]();
  return why;
}

test("the disk under a house becomes read-only: 451, what was accepted is kept, and goes out when the disk is sound again", {
  skip,
}, async (t) => {
  const made = openDisk();
  if (typeof made === "string") return t.skip(made);
  using disk = made;
  let isUp = false;
  await using remote = await openScriptedServer((verb) =>
    ["MAIL", "RCPT", "DATA"].includes(verb) && !isUp ? "451 later" : null,
  );
  await using own = await House.open({
    folder: disk.path,
    control: { rcpthosts: "localhost\nfar.test\n", smtproutes: `far.test:127.0.0.1:${remote.port}\n` },
  });
  for (const n of [1, 2, 3])
    assert.equal((await sendOne(own.ports.smtp, "a@b.test", ["x@far.test"], `Subject: ${n}\n\n`)).code, 250);
  const session = await SmtpClient.open(own.ports.smtp);
  await session.command("HELO client.test");
  disk.makeReadOnly();
  await until("the disk is read-only", () => refusesWrites(disk.path));
  for (const text of ["Subject: refused\n\n", large]) {
    const { code, lines } = await session.send("a@b.test", [inbox], Buffer.from(text));
    assert.equal(code, 451, lines.join("/"));
    await session.command("RSET");
  }
  session.hangUp();
  await own.kill();
  await disk.mountAnew();
  isUp = true;
  await own.start();
  const hurry = setInterval(() => own.signal("SIGALRM"), 1_000);
  try {
    await until("what was accepted", () => new Set(remote.taken.map(subjectOf)).size === 3);
  } finally {
    clearInterval(hurry);
  }
  await mailPasses(own, "at last");
  assert.deepEqual([...new Set(remote.taken.map(subjectOf))].toSorted(), ["1", "2", "3"]);
});

const subjectOf = ({ bytes }: { readonly bytes: Buffer }): string =>
  /^Subject: (.*)\r$/m.exec(bytes.toString("latin1"))?.[1] ?? "";

function refusesWrites(path: string): boolean {
  try {
    writeFileSync(join(path, "trial"), "x");
    return false;
  } catch {
    return true; // EROFS
  }
}
