/** For the tests of this room: a home of its own, a door that remembers what is posted, deliveries in one call. */
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import {
  type Address,
  type DeliveryJob,
  done,
  type Envelope,
  type LocalRoute,
  messageInMemory,
  type Origin,
  type Outcome,
  type ReversePath,
} from "#mail";
import { DurableBatch, maildirName, makeMaildir } from "#mailbox";
import type { Program, ProgramIndex } from "#process";
import type { LocalHouse } from "./carry-out.ts";
import { deliverLocally } from "./deliver-locally.ts";
import type { PostingDoor } from "./forward-message.ts";
import { noLimits } from "./program-limits.ts";

/** What came to the door. */
export type Posted = { readonly envelope: Envelope; readonly origin: Origin; readonly text: string };

/** A door that takes everything, numbering from 1, or answers as told. */
export function rememberingDoor(answer: Outcome = done()): PostingDoor & { readonly posted: Posted[] } {
  const posted: Posted[] = [];
  return {
    posted,
    post(envelope, origin) {
      const parts: Uint8Array[] = [];
      return {
        write: (bytes) => void parts.push(Buffer.from(bytes)),
        async finish() {
          if (answer.fate !== "done") return { ...answer, queueId: null };
          posted.push({ envelope, origin, text: Buffer.concat(parts).toString("latin1") });
          return { ...answer, queueId: posted.length };
        },
        abort: () => {},
      };
    },
  };
}

/** Who gets what, in one delivery of a test. */
export type TestJob = Partial<Omit<DeliveryJob, "route" | "message" | "sender" | "recipient">> & {
  readonly sender?: string;
  readonly recipient?: string;
  readonly dash?: string;
  readonly ext?: string;
  readonly text?: string;
  readonly uid?: number;
};

/** A user with a home and a Maildir, and a house around him. Everything is gone when the test ends. */
export function testHome(t: TestContext, change: Partial<LocalHouse> = {}, answer: Outcome = done()) {
  const home = fs.mkdtempSync(join(tmpdir(), "home-"));
  t.after(() => fs.rmSync(home, { recursive: true, force: true }));
  makeMaildir(`${home}/Maildir`);
  const door = rememberingDoor(answer);
  const complaints: string[] = [];
  const house: LocalHouse = {
    forwarding: async () => ({ door, origin: { invoker: "user", uid: 1000 } }),
    defaultDelivery: () => "./Maildir/\n",
    programs: () => undefined,
    allowRoot: false,
    allowPrograms: true,
    programLimitMs: () => 60_000,
    programLimits: () => noLimits,
    env: { PATH: process.env.PATH },
    keeper: { batch: new DurableBatch(), complain: (line) => complaints.push(line) },
    maildirName: (job, copy) => maildirName(job, "host", copy),
    now: () => new Date(0),
    ...change,
  };
  const route = (job: TestJob): LocalRoute => ({
    user: "joe",
    uid: job.uid ?? 1000,
    gid: 1000,
    home,
    dash: job.dash ?? (job.ext === undefined ? "" : "-"),
    ext: job.ext ?? "",
  });
  let queueId = 0;
  return {
    home,
    door,
    house,
    complaints,
    path: (name: string): string => join(home, name),
    read: (name: string): string => fs.readFileSync(join(home, name), "latin1"),
    write(name: string, text: string, mode = 0o600): void {
      fs.writeFileSync(join(home, name), text, "latin1");
      fs.chmodSync(join(home, name), mode);
    },
    mails: (maildir = "Maildir"): string[] =>
      fs
        .readdirSync(join(home, maildir, "new"))
        .map((name) => fs.readFileSync(join(home, maildir, "new", name), "latin1")),
    deliver(job: TestJob = {}): Promise<Outcome> {
      const { sender = "jim@a.test", recipient, text = "Subject: x\n\nbody\n", ext } = job;
      return deliverLocally(
        {
          queueId: ++queueId,
          bornAtMs: 0,
          index: 0,
          again: false,
          awaited: false,
          ...job,
          sender: sender as ReversePath,
          recipient: (recipient ?? `joe${ext === undefined ? "" : `-${ext}`}@host.test`) as Address,
          route: route(job),
          message: messageInMemory(Buffer.from(text, "latin1")),
        },
        house,
      );
    },
  };
}

/** An index of programs for a test. */
export function programsNamed(programs: Readonly<Record<string, Program>>): ProgramIndex {
  const table = new Map(Object.entries(programs));
  return (name) => {
    const program = table.get(name);
    return program === undefined ? undefined : async () => program;
  };
}
