/**
 * The power goes, under load: the house's home lies on an ext4 of its own (journal on), its mailbox on another; both are told to stop at once and to
 * forget what it has not written (EXT4_IOC_SHUTDOWN without a log flush, the kernel's own way of testing this). Until somebody notices,
 * every service gets EIO. Then all are killed, the disk is mounted again, its journal replayed, and Quail started: whatever was
 * answered 250 must be there. The seed is printed; `QUAIL_SEED` sets it, `QUAIL_CUTS` the number of cuts.
 */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { seededRandom } from "../corpus/random.ts";
import { House, inbox, needs, until } from "../system/house.ts";
import { openScriptedServer } from "../system/scripted-server.ts";
import { startLoad } from "./load.ts";
import { halvesIn, settle } from "./promises.ts";

const seed = Number(process.env.QUAIL_SEED ?? Date.now() % 1_000_000);
const cuts = Number(process.env.QUAIL_CUTS ?? 2);
const diskBytes = 512 * 1024 * 1024;

/** `_IOR('X', 125, __u32)` with EXT4_GOING_FLAGS_NOLOGFLUSH. Node has no ioctl. */
const shutDown = `
import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack("I", 2))
`;

/** A disk whose power can be cut. */
type Disk = Disposable & {
  readonly path: string;
  /** From now on nothing is read or written; what was not on the disk never will be. */
  cut(): void;
  /** The power is back: mounts again. Nobody may have a file open on it any more. */
  restore(): Promise<void>;
};

/** Makes one; the reason why not, where this machine does not allow it. */
function openDisk(): Disk | string {
  const folder = mkdtempSync(join(tmpdir(), "quail-power-"));
  chmodSync(folder, 0o755); // Services may run under another uid than ours.
  const image = join(folder, "image");
  const path = join(folder, "disk");
  mkdirSync(path);
  writeFileSync(image, "");
  truncateSync(image, diskBytes);
  const mount = (): boolean => spawnSync("mount", ["-t", "ext4", "-o", "loop", image, path]).status === 0;
  const disk: Disk = {
    path,
    cut: () => void execFileSync("python3", ["-c", shutDown, path], { stdio: ["ignore", "ignore", "pipe"] }),
    async restore() {
      await until("the disk can be taken out", () => spawnSync("umount", [path]).status === 0);
      assert.ok(mount(), "mounted again");
    },
    [Symbol.dispose]() {
      spawnSync("umount", ["-l", path]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  const refusal = (): string | null => {
    if (spawnSync("mkfs.ext4", ["-q", "-F", image]).status !== 0) return "mkfs.ext4 fails";
    if (!mount()) return "this process may not mount a loop device with ext4";
    try {
      // A trial, which also shows that what is tested is there: what was not synced is lost.
      writeFileSync(join(path, "unsynced"), "x");
      disk.cut();
    } catch {
      return "this kernel's ext4 cannot be shut down";
    }
    if (spawnSync("umount", [path]).status !== 0 || !mount()) return "the disk does not come back";
    if (statSync(join(path, "unsynced"), { throwIfNoEntry: false }) !== undefined) return "this disk forgets nothing";
    chmodSync(path, 0o755);
    return null;
  };
  const why = refusal();
  if (why === null) return disk;
  disk[Symbol.dispose]();
  return why;
}

/**
 * Puts the mailbox on a disk of its own: a worker makes a whole file system durable, and would do so for a queue on the same one that
 * had forgotten to.
 */
function moveMaildir(house: House, disk: Disk): void {
  const { uid, gid } = statSync(house.maildir);
  const there = join(disk.path, "Maildir");
  for (const path of [there, ...["tmp", "new", "cur"].map((part) => join(there, part))]) {
    mkdirSync(path, { mode: 0o700 });
    chownSync(path, uid, gid);
  }
  rmSync(house.maildir, { recursive: true });
  symlinkSync(there, house.maildir);
  execFileSync("sync"); // This is where the test begins.
}

const skip =
  process.getuid?.() === 0 ? needs("python3", "mount", "mkfs.ext4") : "needs root (to mount a disk of its own)";

test(`the power cut ${cuts} times under load (seed ${seed}): every promise is kept, nothing is doubled [Q-052, Q-053]`, {
  skip,
}, async (t) => {
  const made = openDisk();
  if (typeof made === "string") {
    t.skip(made);
    return;
  }
  using disk = made;
  const other = openDisk();
  assert.ok(typeof other !== "string", `a second disk: ${other}`);
  using mailDisk = other;
  const disks = [disk, mailDisk];
  const random = seededRandom(seed);
  // It takes nothing until the last cut is over, so that what was promised for it lies in the queue all the time.
  let willing = false;
  await using remote = await openScriptedServer((verb) =>
    ["MAIL", "RCPT", "DATA"].includes(verb) && !willing ? "451 later" : null,
  );
  await using house = await House.open({
    folder: disk.path,
    control: { rcpthosts: "localhost\nfar.test\n", smtproutes: `far.test:127.0.0.1:${remote.port}\n` },
  });
  moveMaildir(house, mailDisk);
  const load = startLoad({
    ...{ port: house.ports.smtp, random, sessions: 6, pauseMs: 20 },
    ...{ local: inbox, remote: "you@far.test" },
  });
  let halves = 0;
  try {
    for (let round = 0; round < cuts; round++) {
      await sleep(600 + random.below(1_500));
      for (const one of disks) one.cut();
      await sleep(random.below(300)); // Nobody has noticed yet: services go on, and get EIO.
      await house.kill();
      for (const one of disks) await one.restore();
      halves += halvesIn(house.maildir).length;
      await house.start();
    }
    await sleep(300);
  } finally {
    await load.stop();
  }
  willing = true;
  house.signal("SIGALRM");
  await settle(load, house, remote, seed);
  t.diagnostic(`${load.promised.size} of ${load.begun()} messages were answered 250, all arrived`);
  assert.equal(halves, 0, "files in new/ were not whole after a cut");
  assert.ok(load.promised.size > cuts * 10, "there was a load");
});
